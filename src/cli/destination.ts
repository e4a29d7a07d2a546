/** Where downloaded bytes go: said with `--country`, by the environment, or once by `quipu up`. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { QuipuError } from "../base/errors.js";
import { country } from "../model/place.js";
import type { Context, Invocation } from "./context.js";

const fileName = "country";

/** Each download is checked as an export to this country, so it is never guessed. */
export async function destinationCountry(
  context: Context,
  { options }: Pick<Invocation, "options">,
): Promise<string> {
  const said = options.country ?? process.env.QUIPU_COUNTRY ?? (await remembered(context));
  if (said !== undefined) return countryCode(said);
  throw new QuipuError("USAGE", "where will the bytes go? A download is checked as an export", {
    next: "say it with --country CODE, or set QUIPU_COUNTRY",
  });
}

export function countryCode(said: unknown): string {
  const parsed = country.safeParse(said);
  if (parsed.success) return parsed.data;
  throw new QuipuError("USAGE", `${String(said)} is no country code`, {
    next: "use ISO 3166-1 alpha-2 in upper case, for example SG",
  });
}

/** `quipu up` has said where this machine stands. */
export async function rememberCountry({ paths }: Context, code: string): Promise<void> {
  await writeFile(join(paths.home, fileName), `${code}\n`);
}

async function remembered({ paths }: Context): Promise<string | undefined> {
  try {
    return (await readFile(join(paths.home, fileName), "utf8")).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
