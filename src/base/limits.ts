/** Every limit that more than one room must agree on; a room's own limits live in that room. */
export const limits = Object.freeze({
  /** Largest gRPC message either way. Bulk bytes travel over HTTP by digest. */
  messageBytesMax: 4 * 1024 * 1024,
  /** Largest job file and largest canonical job. */
  jobBytesMax: 256 * 1024,
  jobsPerSubmitMax: 256,
  /** Largest receipt statement; a log entry itself is at most 65,535 bytes (tlog-tiles). */
  statementBytesMax: 1024 * 1024,
  nameLengthMax: 63,
  /** Light runs on one device at once; a host holds some more that wait for their acknowledgement. */
  slotsMax: 512,
  labelsMax: 64,
  /** Log lines kept for one run on the coordinator; older ones stay on the host. */
  runLogBytesMax: 256 * 1024,
  filesPerDataSetMax: 1_000_000,
});

/** Lease and heartbeat times. The agent's own lease always ends before the coordinator's view of it. */
export const times = Object.freeze({
  heartbeatMs: 1_000,
  /** Counted by the agent from the moment it *sent* the renewal that was granted. */
  leaseMs: 10_000,
  /** Added by the coordinator before it gives a run to another host. */
  leaseMarginMs: 2_000,
  /** Of a coordinator's leadership; another one follows when it has run out. */
  leaderLeaseMs: 5_000,
  /** A run that nobody else has run again by then is not looked into any more. */
  auditMs: 24 * 3_600_000,
  attachRetryMsMin: 200,
  attachRetryMsMax: 7_000,
});
