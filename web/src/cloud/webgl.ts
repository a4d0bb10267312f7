/**
 * Points by WebGL: risk and mean are uploaded as they come, place and colour are worked out on the graphics
 * processor. Means are taken relative to the view before they are scaled, to keep the digits of 32-bit numbers.
 */
import { isSoftware } from "../core/software";
import type { PointLayer } from "./points";

const STOPS = 5;

const VERTEX = `
attribute float risk;
attribute float mean;
uniform vec4 scale;
uniform vec2 origin;
uniform vec3 sharpe;
uniform vec3 ramp[${STOPS}];
uniform float size;
varying vec3 colour;
varying float diameter;
void main() {
  vec2 place = (vec2(risk, mean) - origin) * scale.xy + scale.zw;
  gl_Position = vec4(place, 0.0, 1.0);
  gl_PointSize = size;
  diameter = size;
  float ratio = (mean - sharpe.z) / max(risk, 1e-20);
  float part = clamp((ratio - sharpe.x) / max(sharpe.y - sharpe.x, 1e-20), 0.0, 1.0) * ${STOPS - 1}.0;
  colour = ramp[0];
  ${Array.from({ length: STOPS - 1 }, (_, stop) => `colour = mix(colour, ramp[${stop + 1}], clamp(part - ${stop}.0, 0.0, 1.0));`).join("\n  ")}
}`;

const FRAGMENT = `
precision mediump float;
varying vec3 colour;
varying float diameter;
uniform float alpha;
void main() {
  float off = length(gl_PointCoord - 0.5) * diameter;
  float cover = clamp(0.5 * diameter - off + 0.5, 0.0, 1.0) * alpha;
  gl_FragColor = vec4(colour * cover, cover);
}`;

/** A layer on `canvas`; null where the browser has no WebGL, or (unless `anyhow`) none by a graphics processor. */
export function webglLayer(canvas: HTMLCanvasElement, anyhow: boolean): PointLayer | null {
  const gl = canvas.getContext("webgl", {
    antialias: false, depth: false, stencil: false, preserveDrawingBuffer: true, failIfMajorPerformanceCaveat: !anyhow,
  });
  if (gl === null) return null;
  if (!anyhow && isSoftware(gl)) {
    gl.getExtension("WEBGL_lose_context")?.loseContext();
    return null;
  }
  let layer = build(gl);
  if (layer === null) return null;
  let newest: [Float32Array, Float32Array] | null = null;
  canvas.addEventListener("webglcontextlost", (event) => {
    event.preventDefault();
    layer = null;
  });
  canvas.addEventListener("webglcontextrestored", () => {
    layer = build(gl);
    if (newest !== null) layer?.upload(...newest);
  });
  return {
    upload: (risk, mean) => {
      // The newest message is kept by the model anyway; a second reference costs nothing.
      newest = [risk, mean];
      layer?.upload(risk, mean);
    },
    draw: (view, style) => layer?.draw(view, style),
  };
}

function build(gl: WebGLRenderingContext): PointLayer | null {
  const program = link(gl);
  if (program === null) return null;
  gl.useProgram(program);
  gl.enable(gl.BLEND);
  gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
  const attributes = ["risk", "mean"].map((name) => {
    const location = gl.getAttribLocation(program, name);
    const buffer = gl.createBuffer();
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    gl.enableVertexAttribArray(location);
    gl.vertexAttribPointer(location, 1, gl.FLOAT, false, 0, 0);
    return { buffer, bytes: 0 };
  });
  const uniform = (name: string): WebGLUniformLocation | null => gl.getUniformLocation(program, name);
  const places = {
    scale: uniform("scale"),
    origin: uniform("origin"),
    sharpe: uniform("sharpe"),
    ramp: uniform("ramp"),
    size: uniform("size"),
    alpha: uniform("alpha"),
  };
  let count = 0;
  return {
    upload(risk, mean) {
      count = Math.min(risk.length, mean.length);
      for (const [index, values] of [risk, mean].entries()) {
        const attribute = attributes[index];
        if (attribute === undefined) continue;
        gl.bindBuffer(gl.ARRAY_BUFFER, attribute.buffer);
        if (attribute.bytes === values.byteLength) gl.bufferSubData(gl.ARRAY_BUFFER, 0, values);
        else gl.bufferData(gl.ARRAY_BUFFER, values, gl.DYNAMIC_DRAW);
        attribute.bytes = values.byteLength;
      }
    },
    draw(view, style) {
      gl.viewport(0, 0, gl.drawingBufferWidth, gl.drawingBufferHeight);
      gl.clearColor(0, 0, 0, 0);
      gl.clear(gl.COLOR_BUFFER_BIT);
      if (count === 0) return;
      // From the plot's rectangle in CSS pixels to -1..1 of the whole canvas.
      const spanX = view.risk.high - view.risk.low;
      const spanY = view.mean.high - view.mean.low;
      const width = (2 * (view.width - view.left - view.right)) / view.width;
      const height = (2 * (view.height - view.top - view.bottom)) / view.height;
      gl.uniform4f(
        places.scale,
        width / spanX,
        height / spanY,
        (2 * view.left) / view.width - 1,
        (2 * view.bottom) / view.height - 1,
      );
      gl.uniform2f(places.origin, view.risk.low, view.mean.low);
      gl.uniform3f(places.sharpe, style.low, style.high, style.riskFree);
      gl.uniform3fv(places.ramp, style.ramp.flat());
      gl.uniform1f(places.size, style.size * view.density);
      gl.uniform1f(places.alpha, style.alpha);
      gl.drawArrays(gl.POINTS, 0, count);
    },
  };
}

function link(gl: WebGLRenderingContext): WebGLProgram | null {
  const program = gl.createProgram();
  const parts: [number, string][] = [
    [gl.VERTEX_SHADER, VERTEX],
    [gl.FRAGMENT_SHADER, FRAGMENT],
  ];
  for (const [kind, source] of parts) {
    const shader = gl.createShader(kind);
    if (shader === null) return null;
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  return gl.getProgramParameter(program, gl.LINK_STATUS) === true ? program : null;
}
