/** Canvases that have the size of their box, in device pixels (at most two for each CSS pixel). */

export interface Size {
  width: number;
  height: number;
  density: number;
}

/** Follows the size of `box`; `onChange` is called after each change, with canvases already resized. */
export function follow(box: HTMLElement, canvases: readonly HTMLCanvasElement[], onChange: () => void): Size {
  const size: Size = { width: 0, height: 0, density: 1 };
  const update = (): void => {
    size.width = Math.max(1, box.clientWidth);
    size.height = Math.max(1, box.clientHeight);
    size.density = Math.min(2, devicePixelRatio || 1);
    for (const canvas of canvases) {
      canvas.width = Math.round(size.width * size.density);
      canvas.height = Math.round(size.height * size.density);
    }
    onChange();
  };
  new ResizeObserver(update).observe(box);
  return size;
}
