// Draws splats with WebGL 2: one pass projects all of them into a table, one blends them from far to near.

// Splats in a row of the tables: the narrowest limit that a device may have.
const TABLE_WIDTH = 2048;
// Textures are bound to fixed units.
const UNITS = { centres: 0, shapes: 1, sh: 2, record0: 3, record1: 4, movers: 5, motion: 6 };

class Renderer {
  /** Compiles everything, for a scene that moves as `motion` says, if it does; throws where WebGL 2 is missing. */
  constructor(canvas, motion) {
    this.canvas = canvas;
    this.motion = motion;
    const gl = canvas.getContext("webgl2", {
      alpha: false,
      antialias: false,
      depth: false,
      stencil: false,
      powerPreference: "high-performance",
    });
    if (!gl) throw new Error("WebGL 2 is not available. Another browser, or another graphics driver, may have it.");
    this.gl = gl;
    this.tables = null;
    this.order = new Uint32Array(0);
    this.build();
  }

  /** Most splats that this device can hold. */
  get capacity() {
    return TABLE_WIDTH * this.gl.getParameter(this.gl.MAX_TEXTURE_SIZE);
  }

  /** Makes what does not depend on the scene. */
  build() {
    const gl = this.gl;
    const text = document.getElementById("motion.frag").textContent.trim();
    const moves = (source) =>
      this.motion ? source.replace("\n", "\n#define MOVES\n").replace("//MOTION", () => text) : source;
    this.project = new Program(gl, "table.vert", "project.frag", moves);
    this.blend = new Program(gl, "splat.vert", "splat.frag");
    this.emptyInput = gl.createVertexArray();
    this.orderInput = gl.createVertexArray();
    this.orderBuffer = gl.createBuffer();
    gl.bindVertexArray(this.orderInput);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.orderBuffer);
    gl.enableVertexAttribArray(0);
    gl.vertexAttribIPointer(0, 1, gl.UNSIGNED_INT, 0, 0);
    gl.vertexAttribDivisor(0, 1);
  }

  /** Makes everything anew after the device was lost. */
  restore() {
    this.build();
    if (this.tables) this.upload(this.tables);
    this.setOrder(this.order);
  }

  /** Hands the scene to the device. */
  upload(tables) {
    const gl = this.gl;
    this.tables = tables;
    const { height, layers, centres, shapes, sh } = tables;
    const wide = [gl.RGBA32UI, gl.RGBA_INTEGER];
    this.table("centres", ...wide, height, centres);
    this.table("shapes", gl.RG32UI, gl.RG_INTEGER, height, shapes);
    if (this.motion) {
      const { movers, motion, motionHeight } = tables.moving;
      if (motionHeight > gl.getParameter(gl.MAX_TEXTURE_SIZE)) {
        throw new Error("More splats move than the graphics device can hold.");
      }
      this.table("movers", gl.R32UI, gl.RED_INTEGER, height, movers);
      this.table("motion", ...wide, motionHeight, motion);
    }
    const record0 = this.table("record0", ...wide, height, null);
    const record1 = this.table("record1", ...wide, height, null);

    // A sampler must not be left without a texture, even where it is never read.
    const [depth, rows] = layers > 0 ? [layers, height] : [1, 1];
    this.bindNew("sh", gl.TEXTURE_2D_ARRAY);
    gl.texStorage3D(gl.TEXTURE_2D_ARRAY, 1, gl.RGBA32UI, TABLE_WIDTH, rows, depth);
    if (layers > 0) {
      gl.texSubImage3D(
        gl.TEXTURE_2D_ARRAY, 0, 0, 0, 0, TABLE_WIDTH, height, layers, gl.RGBA_INTEGER, gl.UNSIGNED_INT, sh,
      );
    }

    this.projected = gl.createFramebuffer();
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.projected);
    gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, record0, 0);
    gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT1, gl.TEXTURE_2D, record1, 0);
    gl.drawBuffers([gl.COLOR_ATTACHMENT0, gl.COLOR_ATTACHMENT1]);
    if (gl.getError() === gl.OUT_OF_MEMORY) throw new Error("The graphics device has too little memory for the scene.");
    if (!gl.isContextLost() && gl.checkFramebufferStatus(gl.FRAMEBUFFER) !== gl.FRAMEBUFFER_COMPLETE) {
      throw new Error("The graphics device cannot draw into integer textures.");
    }
  }

  /** A table of splats as a texture at its unit. */
  table(name, format, layout, height, words) {
    const gl = this.gl;
    const texture = this.bindNew(name, gl.TEXTURE_2D);
    gl.texStorage2D(gl.TEXTURE_2D, 1, format, TABLE_WIDTH, height);
    if (words) gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, TABLE_WIDTH, height, layout, gl.UNSIGNED_INT, words);
    return texture;
  }

  /** A new texture, bound to its unit for good. */
  bindNew(name, target) {
    const gl = this.gl;
    const texture = gl.createTexture();
    gl.activeTexture(gl.TEXTURE0 + UNITS[name]);
    gl.bindTexture(target, texture);
    gl.texParameteri(target, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
    gl.texParameteri(target, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
    return texture;
  }

  /** Takes the numbers of the splats to draw, from far to near. */
  setOrder(order) {
    const gl = this.gl;
    this.order = order;
    gl.bindBuffer(gl.ARRAY_BUFFER, this.orderBuffer);
    gl.bufferData(gl.ARRAY_BUFFER, order, gl.STREAM_DRAW);
  }

  /** Draws the scene as a camera sees it, at a time from −½ to ½. */
  draw(camera, near, background, tau) {
    const gl = this.gl;
    const { width, height } = this.canvas;
    if (this.tables && this.order.length > 0) {
      this.drawProjected(camera, near, width, height, tau);
    }
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    gl.viewport(0, 0, width, height);
    gl.clearColor(...background, 1);
    gl.clear(gl.COLOR_BUFFER_BIT);
    if (!this.tables || this.order.length === 0) return;
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    const uniforms = this.blend.use();
    gl.uniform1i(uniforms.record0, UNITS.record0);
    gl.uniform1i(uniforms.record1, UNITS.record1);
    gl.uniform1i(uniforms.tableWidth, TABLE_WIDTH);
    gl.uniform2f(uniforms.size, width, height);
    gl.bindVertexArray(this.orderInput);
    gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, this.order.length);
  }

  /** Fills the table of projected splats. */
  drawProjected(camera, near, width, height, tau) {
    const gl = this.gl;
    const { shDegree, antialiased } = this.tables;
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.projected);
    gl.viewport(0, 0, TABLE_WIDTH, this.tables.height);
    gl.disable(gl.BLEND);
    const uniforms = this.project.use();
    const focal = camera.focal(width, height);
    gl.uniform1i(uniforms.centres, UNITS.centres);
    gl.uniform1i(uniforms.shapes, UNITS.shapes);
    gl.uniform1i(uniforms.sh, UNITS.sh);
    gl.uniform1i(uniforms.shDegree, shDegree);
    gl.uniform1i(uniforms.antialiased, antialiased);
    gl.uniform4fv(uniforms.viewRows, camera.viewRows);
    gl.uniform3fv(uniforms.eye, camera.eye);
    gl.uniform2f(uniforms.focal, focal, focal);
    gl.uniform2f(uniforms.size, width, height);
    gl.uniform1f(uniforms.near, near);
    if (this.motion) this.setMotion(uniforms, tau);
    gl.bindVertexArray(this.emptyInput);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }

  /** Tells the projection how splats move, and the time. */
  setMotion(uniforms, tau) {
    const gl = this.gl;
    const { means, quats, sh0, dilates, fades } = this.motion;
    gl.uniform1i(uniforms.movers, UNITS.movers);
    gl.uniform1i(uniforms.motion, UNITS.motion);
    gl.uniform1i(uniforms.motionTexels, this.tables.moving.motionTexels);
    gl.uniform3iv(uniforms.meansBasis, means);
    gl.uniform3iv(uniforms.quatsBasis, quats);
    gl.uniform3iv(uniforms.sh0Basis, sh0);
    gl.uniform1i(uniforms.dilates, dilates);
    gl.uniform1i(uniforms.fades, fades);
    gl.uniform1f(uniforms.tau, tau);
  }
}

/** A pair of shaders from the page, with the places of their uniforms by name. */
class Program {
  constructor(gl, vertex, fragment, completed = (source) => source) {
    this.gl = gl;
    this.program = gl.createProgram();
    const parts = [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]];
    for (const [kind, name] of parts) {
      const shader = gl.createShader(kind);
      const source = document.getElementById(name).textContent.trim();
      gl.shaderSource(shader, name === fragment ? completed(source) : source);
      gl.compileShader(shader);
      if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS) && !gl.isContextLost()) {
        throw new Error(`The graphics driver refused ${name}: ${gl.getShaderInfoLog(shader)}`);
      }
      gl.attachShader(this.program, shader);
    }
    gl.linkProgram(this.program);
    if (!gl.getProgramParameter(this.program, gl.LINK_STATUS) && !gl.isContextLost()) {
      throw new Error(`The graphics driver refused ${fragment}: ${gl.getProgramInfoLog(this.program)}`);
    }
    this.uniforms = {};
    const count = gl.getProgramParameter(this.program, gl.ACTIVE_UNIFORMS) ?? 0;
    for (let i = 0; i < count; i++) {
      // Arrays are listed under the name of their first element.
      const name = gl.getActiveUniform(this.program, i).name.replace("[0]", "");
      this.uniforms[name] = gl.getUniformLocation(this.program, name);
    }
  }

  /** Makes it the program that draws; returns its uniforms. */
  use() {
    this.gl.useProgram(this.program);
    return this.uniforms;
  }
}
