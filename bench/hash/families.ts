/** The lines of `npm run bench -- hash`, in the order of the table. */
import { batches } from "./batches.js";
import { blake3 } from "./blake3.js";
import { device } from "./device.js";
import { files } from "./files.js";
import { merkle } from "./merkle.js";
import { oneShot } from "./one-shot.js";
import type { Family } from "./setting.js";

export const families: readonly Family[] = [blake3, files, batches, oneShot, merkle, device];
