/** One comparison of a device with the portable build. */
export interface GpuCheck {
  readonly name: string;
  /** Nothing when the bits agree, else what differs. */
  readonly check: () => Promise<string | undefined> | string | undefined;
}
