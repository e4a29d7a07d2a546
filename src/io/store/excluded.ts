import { type RawBuilder, sql } from "kysely";

/**
 * For `on conflict do update`: every column of these rows but `id` becomes what the new row says. A
 * database that saw a key assigned would look for all rows that refer to it.
 */
export function excluded<Row extends { readonly id: string }>(
  rows: readonly Row[],
): { [Column in Exclude<keyof Row, "id">]: RawBuilder<Row[Column]> } {
  const columns = Object.keys(rows[0] ?? {}).filter((column) => column !== "id");
  const entries = columns.map((column) => [column, sql.ref(`excluded.${column}`)]);
  return Object.fromEntries(entries) as ReturnType<typeof excluded<Row>>;
}
