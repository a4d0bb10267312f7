import { describe, expect, it } from "vitest";
import { BEAT, Scheduler, type Painter } from "../src/core/scheduler";

class Frames {
  hiddenNow = false;
  asked: ((now: number) => void) | null = null;
  request = (callback: (now: number) => void): void => {
    this.asked = callback;
  };
  hidden = (): boolean => this.hiddenNow;
  run(now: number): void {
    const callback = this.asked;
    this.asked = null;
    callback?.(now);
  }
}

function counted(beats: number): Painter & { times: number } {
  const self = { beats, times: 0, paint: () => { self.times += 1; return false; } };
  return self;
}

describe("Scheduler", () => {
  it("conflates any number of requests into one drawing, and rests when nothing changed", () => {
    const frames = new Frames();
    const scheduler = new Scheduler(frames);
    const painter = counted(0);
    for (let request = 0; request < 100; request += 1) scheduler.request(painter);
    frames.run(1000);
    expect([painter.times, scheduler.frames]).toEqual([1, 1]);
    expect(frames.asked).toBeNull();
  });

  it("draws between 34 and 37 times a second at 60 frames a second", () => {
    const frames = new Frames();
    const scheduler = new Scheduler(frames);
    const painter = counted(0);
    for (let frame = 0; frame < 600; frame += 1) {
      scheduler.request(painter);
      frames.run((frame * 1000) / 60);
    }
    expect(painter.times).toBeGreaterThanOrEqual(340);
    expect(painter.times).toBeLessThanOrEqual(370);
  });

  it("draws slow painters together, on the beat", () => {
    const frames = new Frames();
    const scheduler = new Scheduler(frames);
    const [one, other, seldom] = [counted(1), counted(1), counted(2)];
    for (let now = 0; now < 4000; now += 20) {
      scheduler.request(one);
      if (now % 60 === 0) scheduler.request(other);
      scheduler.request(seldom);
      frames.run(now);
    }
    expect(one.times).toBeLessThanOrEqual(4000 / BEAT);
    expect(one.times).toBeGreaterThanOrEqual(4000 / BEAT - 2);
    expect(other.times).toBeGreaterThanOrEqual(4000 / BEAT - 3);
    expect(seldom.times).toBeLessThanOrEqual(2000 / BEAT);
    expect(seldom.times).toBeGreaterThanOrEqual(2000 / BEAT - 2);
  });

  it("draws nothing while hidden and goes on afterwards", () => {
    const frames = new Frames();
    const scheduler = new Scheduler(frames);
    const painter = counted(0);
    frames.hiddenNow = true;
    scheduler.request(painter);
    expect(frames.asked).toBeNull();
    frames.hiddenNow = false;
    scheduler.wake();
    frames.run(50);
    expect(painter.times).toBe(1);
  });

  it("goes on as long as a painter is moving", () => {
    const frames = new Frames();
    const scheduler = new Scheduler(frames);
    let left = 3;
    scheduler.request({ beats: 0, paint: () => (left -= 1) > 0 });
    for (let now = 100; frames.asked !== null; now += 50) frames.run(now);
    expect(left).toBe(0);
  });
});
