/**
 * 2D canvases drawn by the processor. Lines and areas of thousands of short pieces are what graphics
 * processors are worst at: without one (remote desktops, virtual machines) a chart takes half a second
 * there, and a few milliseconds here.
 */

const OPTIONS: CanvasRenderingContext2DSettings = { willReadFrequently: true };

export function softwareContext(canvas: HTMLCanvasElement, alpha = true): CanvasRenderingContext2D | null {
  return canvas.getContext("2d", { ...OPTIONS, alpha });
}

/** Names that graphics processors made of software go by. */
const SOFTWARE = /swiftshader|llvmpipe|softpipe|software|basic render/i;

/** Whether `gl` is worked out by the processor after all. A browser that does not say is believed to have one. */
export function isSoftware(gl: WebGLRenderingContext): boolean {
  const names: unknown[] = [gl.getParameter(gl.RENDERER)];
  const details = gl.getExtension("WEBGL_debug_renderer_info");
  if (details !== null) names.push(gl.getParameter(details.UNMASKED_RENDERER_WEBGL));
  return names.some((name) => SOFTWARE.test(String(name)));
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
