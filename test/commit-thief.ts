/** A way to a server that cuts a connection in mid-commit: before the server hears of it, or after. */
import { type AddressInfo, connect, createServer, type Server } from "node:net";

export type Theft = "message" | "answer";

export class CommitThief {
  readonly #server: Server;
  #armed: Theft | undefined;
  thefts = 0;

  private constructor(port: number) {
    this.#server = createServer((client) => {
      const server = connect(port, "127.0.0.1");
      let stealing = false;
      const cut = (): void => {
        client.destroy();
        server.destroy();
      };
      for (const socket of [client, server]) socket.on("error", cut).on("close", cut);
      client.on("data", (chunk) => {
        const theft = chunk.includes("; commit") ? this.#armed : undefined;
        if (theft !== undefined) {
          this.#armed = undefined;
          this.thefts += 1;
        }
        if (theft === "message") cut();
        else server.write(chunk);
        stealing ||= theft === "answer";
      });
      server.on("data", (chunk) => {
        if (stealing) cut();
        else client.write(chunk);
      });
    });
  }

  static async open(port: number): Promise<CommitThief> {
    const thief = new CommitThief(port);
    await new Promise<void>((resolve) => thief.#server.listen(0, "127.0.0.1", resolve));
    return thief;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Steals from the next commit. */
  arm(theft: Theft): void {
    this.#armed = theft;
  }

  close(): void {
    this.#server.close();
  }
}
