/** Who may import whom: rooms, packages and builtins of Node, against the table in floors.json. */
import { resolve } from "./tree.mjs";

/** The room of a file or folder: the longest room path that holds it. */
export function roomOf(table, path) {
  return table.rooms
    .filter(({ room }) => path.startsWith(`${room}/`))
    .sort((a, b) => b.room.length - a.room.length)[0];
}

export function checkRooms(tree, table) {
  const used = new Set();
  const findings = [...checkTable(table)];
  for (const [path, source] of tree.scripts) {
    if (!path.startsWith("src/")) {
      findings.push(...checkOutsider(tree, path, source));
      continue;
    }
    const room = roomOf(table, path);
    if (room === undefined) {
      findings.push({ path, line: 1, text: "this folder is no room of scripts/floors.json" });
      continue;
    }
    for (const { specifier, line } of source.imports) {
      const text = checkImport({ tree, table, path, room, specifier, used });
      if (text !== undefined) findings.push({ path, line, text });
    }
    if (!room.pure) continue;
    for (const { text, line } of source.effects) {
      const message = `${room.room} is pure: take ${text} as an argument`;
      findings.push({ path, line, text: message });
    }
  }
  return [...findings, ...staleEntries(tree, table, used)];
}

/** The table itself: a room may name only rooms above it in the list, none of a higher floor. */
function* checkTable(table) {
  const seen = new Map();
  const path = "scripts/floors.json";
  for (const { room, floor, may = [], not = [] } of table.rooms) {
    for (const other of [...may, ...not]) {
      const text = `${room} names ${other}, which is not listed above it`;
      if (!seen.has(other)) yield { path, line: 1, text };
      else if (seen.get(other) > floor) yield { path, line: 1, text: `${text} on a lower floor` };
    }
    seen.set(room, floor);
  }
}

/** Tests, benchmarks and scripts may look into every room, but the entry points stay unimported. */
function* checkOutsider(tree, path, source) {
  for (const { specifier, line } of source.imports) {
    if (!specifier.startsWith(".")) continue;
    if (resolve(tree, path, specifier)?.startsWith("src/main/")) {
      yield { path, line, text: "nothing imports src/main: start it as a process" };
    }
  }
}

function checkImport({ tree, table, path, room, specifier, used }) {
  if (specifier.startsWith("node:")) return checkBuiltin(table, room, specifier, used);
  if (!specifier.startsWith(".")) return checkPackage(table, room, specifier, used);
  const target = resolve(tree, path, specifier);
  if (target === undefined) return `${specifier} does not exist`;
  const other = roomOf(table, target);
  if (other === undefined || other === room) return undefined;
  used.add(`${room.room} ${other.room}`);
  const listed = (room.may ?? []).includes(other.room);
  const isBelow = other.floor < room.floor && !(room.not ?? []).includes(other.room);
  if (listed || (room.below && isBelow)) return undefined;
  if (other.floor > room.floor) {
    return `${room.room} (floor ${room.floor}) reaches up into ${other.room} (floor ${other.floor})`;
  }
  return `${room.room} may not import ${other.room}`;
}

function checkBuiltin(table, room, specifier, used) {
  const owners = table.builtins[specifier];
  if (owners !== undefined) {
    used.add(`${specifier} ${room.room}`);
    if (owners.includes(room.room)) return undefined;
    return `${specifier} belongs to ${owners.join(", ")}, not to ${room.room}`;
  }
  if (room.pure) return `${room.room} is pure: it may not import ${specifier}`;
  if (table.builtinsOfAnyUnsealedRoom.includes(specifier)) return undefined;
  return `${specifier} is granted to no room`;
}

function checkPackage(table, room, specifier, used) {
  const parts = specifier.split("/");
  const name = specifier.startsWith("@") ? parts.slice(0, 2).join("/") : parts[0];
  used.add(`${name} ${room.room}`);
  const owners = table.packages[name];
  if (owners === undefined) return `the package ${name} is granted to no room`;
  if (owners.includes(room.room)) return undefined;
  return `the package ${name} belongs to ${owners.join(", ")}, not to ${room.room}`;
}

/** A permission that nobody uses is a door left open. */
function* staleEntries(tree, table, used) {
  const stale = (text) => ({ path: "scripts/floors.json", line: 1, text: `stale: ${text}` });
  const paths = [...tree.scripts.keys()];
  for (const { room, may = [] } of table.rooms) {
    if (!paths.some((path) => path.startsWith(`${room}/`))) yield stale(`${room} does not exist`);
    for (const other of may) {
      if (!used.has(`${room} ${other}`)) yield stale(`${room} no longer imports ${other}`);
    }
  }
  for (const [name, rooms] of Object.entries({ ...table.packages, ...table.builtins })) {
    for (const room of rooms) {
      if (!used.has(`${name} ${room}`)) yield stale(`${room} no longer imports ${name}`);
    }
  }
}
