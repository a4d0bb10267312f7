/**
 * 2D canvases drawn by the processor. Lines and areas of thousands of short pieces are what graphics
 * processors are worst at: without one (remote desktops, virtual machines) a chart takes half a second
 * there, and a few milliseconds here.
 */

const OPTIONS: CanvasRenderingContext2DSettings = { willReadFrequently: true };

export function softwareContext(canvas: HTMLCanvasElement): CanvasRenderingContext2D | null {
  return canvas.getContext("2d", OPTIONS);
}

/** Runs `build`; canvases that it asks for a 2D context, without options of its own, are of this kind. */
export function withSoftwareCanvases<T>(build: () => T): T {
  const descriptor = Object.getOwnPropertyDescriptor(HTMLCanvasElement.prototype, "getContext");
  if (descriptor === undefined) return build();
  const original = descriptor.value as (kind: string, options?: unknown) => RenderingContext | null;
  Object.defineProperty(HTMLCanvasElement.prototype, "getContext", {
    ...descriptor,
    value(this: HTMLCanvasElement, kind: string, options?: unknown) {
      return original.call(this, kind, options ?? (kind === "2d" ? OPTIONS : undefined));
    },
  });
  try {
    return build();
  } finally {
    Object.defineProperty(HTMLCanvasElement.prototype, "getContext", descriptor);
  }
}
