/**
 * Many agents in one process, for `agents.ts`: arguments are address, number of this process, and how
 * many. Each opens a connection and the stream of an agent, says its hello, and then a heartbeat and a
 * sample as often as the coordinator asks. Told `tell`, it answers how many are attached, and how many streams were lost.
 */
import { generateKeyPairSync } from "node:crypto";
import { type ClientHttp2Stream, connect } from "node:http2";
import { connect as dial } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  type AttachRequest,
  AttachRequestSchema,
  AttachResponseSchema,
} from "../src/gen/quipu/v1/attach_pb.js";
import { PlaceGrade, Site } from "../src/gen/quipu/v1/types_pb.js";

const [address = "", part = "0", count = "0"] = process.argv.slice(2);
const path = address.replace(/^unix:/, "");
const dialsAtOnce = 50;
const headBytes = 5;

/** As it was asked last. */
let everyMs = 1_000;

const tally = { attached: 0, lost: 0, acknowledged: 0 };
process.on("message", () => process.send?.(tally));

const receiptKey = generateKeyPairSync("ec", { namedCurve: "prime256v1" }).publicKey.export({
  format: "der",
  type: "spki",
});

type Message = AttachRequest["message"];

function frame(message: Message): Buffer {
  const bytes = toBinary(AttachRequestSchema, create(AttachRequestSchema, { message }));
  const framed = Buffer.alloc(headBytes + bytes.length);
  framed.writeUInt32BE(bytes.length, 1);
  framed.set(bytes, headBytes);
  return framed;
}

function hello(host: string): Message {
  const devices = [
    {
      id: "cpu",
      model: "x86",
      memoryBytes: 2n ** 36n,
      backends: ["avx512", "portable"],
      slots: 64,
    },
    ...[0, 1, 2, 3].map((i) => {
      return { id: `cuda:${i}`, model: "H200", memoryBytes: 2n ** 37n, backends: ["cuda"] };
    }),
  ];
  const place = { country: "SG", site: Site.PRIVATE, grade: PlaceGrade.OPERATOR_ASSERTED };
  const inventory = { hostname: host, cpuCores: 64, memoryBytes: 2n ** 36n, devices };
  const value = { host, place, inventory, receiptKey, instanceId: host };
  return { case: "hello", value: value as never };
}

/** Answers come whole in one piece each, or several in one: this fleet's are small. */
function hear(bytes: Buffer): void {
  for (let at = 0; at + headBytes <= bytes.length; ) {
    const end = at + headBytes + bytes.readUInt32BE(at + 1);
    const { message } = fromBinary(AttachResponseSchema, bytes.subarray(at + headBytes, end));
    if (message.case === "welcome") tally.attached += 1;
    if (message.case === "heartbeatAck") {
      tally.acknowledged += 1;
      everyMs = Number(message.value.heartbeatMs);
    }
    at = end;
  }
}

function attach(host: string): ClientHttp2Stream {
  const session = connect("http://localhost", { createConnection: () => dial(path) });
  session.on("error", () => undefined); // the stream's end is counted
  const stream = session.request({
    ":method": "POST",
    ":path": "/quipu.v1.AttachService/Attach",
    "content-type": "application/grpc",
    te: "trailers",
  });
  stream.on("data", hear);
  stream.on("error", () => undefined);
  stream.on("close", () => {
    tally.lost += 1;
  });
  stream.write(frame(hello(host)));
  let sequence = 0n;
  const beat = (): void => {
    if (stream.closed) return;
    sequence += 1n;
    stream.write(frame({ case: "heartbeat", value: { sequence, runs: [] } as never }));
    stream.write(frame({ case: "telemetry", value: { atMs: BigInt(Date.now()) } as never }));
    setTimeout(beat, everyMs);
  };
  setTimeout(beat, everyMs);
  return stream;
}

for (let i = 0; i < Number(count); i += 1) {
  attach(`h-${part}-${i}`);
  while (i + 1 - tally.attached - tally.lost >= dialsAtOnce) await delay(5);
}
