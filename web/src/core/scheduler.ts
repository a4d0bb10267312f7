/**
 * Decides when something is drawn. Any number of requests between two frames lead to one drawing
 * (conflation), nothing is drawn while the page is hidden, and no frame is asked for when nothing changed.
 */

/** Frames a second on average; a few may follow each other closely after one that came late. */
const FRAME_RATE = 36;
const BURST = 2;

/**
 * Slow painters draw together, on a beat of this many milliseconds: a browser composes the rectangle around
 * everything that changed, so one change at each end of the page costs as much as the whole page.
 */
export const BEAT = 250;

/** What is drawn together: each frame, or at every `beats`th beat. */
export interface Painter {
  readonly beats: number;
  /** Draws; true asks for another frame (something is still moving). */
  readonly paint: (now: number) => boolean;
}

/** The browser's part, exchanged in tests. */
export interface FrameSource {
  request(callback: (now: number) => void): void;
  hidden(): boolean;
}

export class Scheduler {
  frames = 0;
  onFrame: (frames: number) => void = () => undefined;
  readonly #source: FrameSource;
  readonly #dirty = new Set<Painter>();
  #waiting = false;
  #budget = 1;
  #last = Number.NEGATIVE_INFINITY;
  #beat = 0;

  constructor(source: FrameSource) {
    this.#source = source;
  }

  /** Has `painter` draw in one of the next frames. */
  request(painter: Painter): void {
    this.#dirty.add(painter);
    this.wake();
  }

  /** Goes on after the page has become visible. */
  wake(): void {
    if (this.#waiting || this.#dirty.size === 0 || this.#source.hidden()) return;
    this.#waiting = true;
    this.#source.request((now) => {
      this.#frame(now);
    });
  }

  #frame(now: number): void {
    this.#waiting = false;
    if (this.#source.hidden()) return;
    this.#budget = Math.min(BURST, this.#budget + ((now - this.#last) * FRAME_RATE) / 1000);
    this.#last = now;
    if (this.#budget >= 1 && this.#paint(now)) {
      this.#budget -= 1;
      this.frames += 1;
      this.onFrame(this.frames);
    }
    this.wake();
  }

  #paint(now: number): boolean {
    let drawn = false;
    const beat = Math.floor(now / BEAT);
    const isBeat = beat !== this.#beat;
    const passed = (beats: number): boolean => Math.floor(beat / beats) !== Math.floor(this.#beat / beats);
    for (const painter of [...this.#dirty]) {
      if (painter.beats > 0 && !(isBeat && passed(painter.beats))) continue;
      this.#dirty.delete(painter);
      if (painter.paint(now)) this.#dirty.add(painter);
      drawn = true;
    }
    this.#beat = beat;
    return drawn;
  }
}

/** The scheduler of this page. */
export const scheduler = new Scheduler({
  request: (callback) => requestAnimationFrame(callback),
  hidden: () => document.hidden,
});

/** A painter and the function that asks for it. */
export function painter(beats: number, paint: (now: number) => boolean): () => void {
  const self: Painter = { beats, paint };
  return () => {
    scheduler.request(self);
  };
}
