/** How grpc-js is set up: limits of a connection, for servers and for clients; its own log. */
import { type ChannelOptions, logVerbosity, setLogVerbosity } from "@grpc/grpc-js";
import { limits } from "../../base/limits.js";

export const rpcLimits = Object.freeze({
  /** How long a client waits for a unary answer unless it says otherwise. */
  clientDeadlineMs: 15_000,
  /** How long a server works on a unary call whose client set no deadline. */
  serverDeadlineMs: 60_000,
  /** A server that stops lets unary calls finish this long. */
  closeGraceMs: 2_000,
  /** One for each host of the largest fleet, and some for people. */
  connectionsMax: 12_288,
  streamsPerConnectionMax: 1_024,
  /** Node's http2 counts headers, settings and buffered frames of one connection. */
  sessionMemoryMiB: 64,
  /** One window for a connection; 64 KiB, the default, stalls once a round trip on long lines. */
  flowWindowBytes: 1024 * 1024,
});

const both: ChannelOptions = {
  "grpc.max_receive_message_length": limits.messageBytesMax,
  "grpc.max_send_message_length": limits.messageBytesMax,
  "grpc-node.max_session_memory": rpcLimits.sessionMemoryMiB,
  "grpc-node.flow_control_window": rpcLimits.flowWindowBytes,
};

export const serverOptions: ChannelOptions = {
  ...both,
  "grpc.max_concurrent_streams": rpcLimits.streamsPerConnectionMax,
  // Silent peers are closed by the idle limit; a peer that never finishes its headers counts as
  // busy and is closed by age only. A stream that age ends is opened again by its agent.
  "grpc.max_connection_idle_ms": 5 * 60_000,
  "grpc.max_connection_age_ms": 60 * 60_000,
  "grpc.max_connection_age_grace_ms": 60_000,
  "grpc.keepalive_time_ms": 20_000,
  "grpc.keepalive_timeout_ms": 10_000,
};

export const clientOptions: ChannelOptions = {
  ...both,
  "grpc.keepalive_time_ms": 10_000,
  "grpc.keepalive_timeout_ms": 5_000,
  // The caller decides what is tried again; a channel only finds its way back to the server.
  "grpc.enable_retries": 0,
  "grpc.initial_reconnect_backoff_ms": 100,
  "grpc.max_reconnect_backoff_ms": 2_000,
  // A channel is one connection, closed with it; no proxy or DNS record from the environment.
  "grpc.use_local_subchannel_pool": 1,
  "grpc.enable_http_proxy": 0,
  "grpc.service_config_disable_resolution": 1,
};

/** Costs a ping every two seconds while calls are under way. */
export const watchedOptions: ChannelOptions = {
  "grpc.keepalive_time_ms": 2_000,
  "grpc.keepalive_timeout_ms": 3_000,
};

/** What grpc-js would print on stderr, errors of ours carry; `GRPC_VERBOSITY` brings it back. */
export function quietUnlessAsked(): void {
  if (process.env.GRPC_VERBOSITY === undefined) setLogVerbosity(logVerbosity.NONE);
}
