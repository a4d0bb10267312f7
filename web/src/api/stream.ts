/**
 * The WebSocket that never gives up: it reconnects with backoff and jitter, at once when the network or the
 * page comes back, and takes silence for a loss (the server says something each second).
 */
import { delay } from "./backoff";
import { decode, type Message } from "./ipc";
import type { EngineState, Hello } from "./types";

export type ConnectionState = "connecting" | "live" | "reconnecting" | "lost";

export interface Connection {
  readonly state: ConnectionState;
  /** When the newest message came, milliseconds since 1970; NaN before the first. */
  readonly heard: number;
}

export interface StreamHandlers {
  /** Called before each attempt; says which universe to ask for, or throws where the server is not there. */
  prepare(signal: AbortSignal): Promise<string>;
  connection(connection: Connection): void;
  hello(hello: Hello): void;
  state(state: EngineState): void;
  message(message: Message): void;
}

/** Updates a second asked for; a little above what is drawn, so that each frame has news. */
const RATE = 40;
/** Silence after which a connection is taken for dead, milliseconds. */
const SILENCE = 6000;
/** Attempts are given up after this long, milliseconds. */
const PATIENCE = 5000;

export class Stream {
  readonly #handlers: StreamHandlers;
  #socket: WebSocket | null = null;
  #abort: AbortController | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #attempt = 0;
  #heard = Number.NaN;
  #state: ConnectionState = "connecting";

  constructor(handlers: StreamHandlers) {
    this.#handlers = handlers;
    const now = (): void => {
      if (this.#state !== "live") this.restart();
    };
    addEventListener("online", now);
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) now();
    });
    setInterval(() => {
      if (this.#state === "live" && Date.now() - this.#heard > SILENCE) this.#lost();
    }, 1000);
  }

  /** Connects anew at once, e.g. to another universe. */
  restart(): void {
    clearTimeout(this.#timer);
    this.#close();
    this.#attempt = 0;
    void this.#connect();
  }

  async #connect(): Promise<void> {
    const abort = new AbortController();
    this.#abort = abort;
    const patience = setTimeout(() => {
      abort.abort();
      if (this.#abort === abort) this.#lost();
    }, PATIENCE);
    try {
      const universe = await this.#handlers.prepare(abort.signal);
      if (abort.signal.aborted) return;
      this.#open(universe, () => {
        clearTimeout(patience);
      });
    } catch {
      clearTimeout(patience);
      if (this.#abort === abort && !abort.signal.aborted) this.#lost();
    }
  }

  #open(universe: string, opened: () => void): void {
    const address = new URL("api/v1/stream", document.baseURI);
    address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
    address.search = new URLSearchParams({ universe, rate: String(RATE) }).toString();
    const socket = new WebSocket(address);
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    socket.onmessage = (event: MessageEvent<string | ArrayBuffer>) => {
      if (this.#socket !== socket) return;
      opened();
      this.#take(event.data);
    };
    socket.onclose = () => {
      opened();
      if (this.#socket === socket) this.#lost();
    };
  }

  #take(data: string | ArrayBuffer): void {
    this.#heard = Date.now();
    this.#attempt = 0;
    try {
      if (typeof data !== "string") {
        const message = decode(data);
        if (message !== null) this.#handlers.message(message);
      } else {
        const message = JSON.parse(data) as Hello | EngineState | { type: "" };
        if (message.type === "hello") this.#handlers.hello(message);
        if (message.type === "state") this.#handlers.state(message);
      }
    } catch (error) {
      // One message that cannot be read must not end the stream; the next one may be fine.
      console.warn("A message of the stream was left out:", error);
    }
    if (this.#state !== "live") this.#say("live");
  }

  #lost(): void {
    const wasLive = this.#state === "live";
    this.#close();
    // Right after a loss the first attempt may well succeed: say so, and "lost" from the second on.
    if (this.#state !== "connecting") this.#say(wasLive ? "reconnecting" : "lost");
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#connect(), delay(this.#attempt, Math.random()));
    this.#attempt += 1;
    if (this.#state === "connecting" && this.#attempt > 1) this.#say("lost");
  }

  #close(): void {
    this.#abort?.abort();
    this.#abort = null;
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  #say(state: ConnectionState): void {
    this.#state = state;
    this.#handlers.connection({ state, heard: this.#heard });
  }
}
