/** Paths by their text alone; nothing is looked up. */

/** Of paths without links, as `realpath` gives them. A folder is not within itself. */
export function isWithin(folder: string, path: string): boolean {
  return path !== folder && path.startsWith(folder === "/" ? "/" : `${folder}/`);
}
