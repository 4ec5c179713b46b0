/* Saving in the background: some time after a change, one save at a time, never losing the last.
 *
 * `save(layers)` is handed in and answers a promise of a token; this knows neither where it goes
 * nor what a token means.
 */
(() => {
  "use strict";
  const EaselCanvas = (window.EaselCanvas ??= {});

  const RETRY = 5000; // milliseconds until a failed save is tried again

  class AutoSave {
    /** onState("dirty" | "saving" | "saved" | "error", error) follows the state. */
    constructor({ controller, save, delay, onState }) {
      Object.assign(this, { controller, save, delay, onState });
      this.savedRevision = controller.revision;
      this.token = "";
      this.timer = 0;
      this.running = null;
      this.hiding = () => document.hidden && this.dirty && this.flush().catch(() => {});
      document.addEventListener("visibilitychange", this.hiding);
    }

    destroy() {
      clearTimeout(this.timer);
      document.removeEventListener("visibilitychange", this.hiding);
    }

    get dirty() {
      return this.savedRevision !== this.controller.revision;
    }

    changed() {
      this.onState("dirty");
      this.schedule(this.delay);
    }

    schedule(delay) {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.flush().catch(() => this.schedule(RETRY)), delay);
    }

    /** What is on the canvas now is what the token stands for. */
    settle(token) {
      clearTimeout(this.timer);
      this.token = token;
      this.savedRevision = this.controller.revision;
      this.onState("saved");
    }

    /** What was saved no longer stands: save again before the next use. */
    forget() {
      this.savedRevision = null;
    }

    /** Save now whatever is unsaved; a promise of the token of the current drawing. */
    async flush() {
      clearTimeout(this.timer);
      while (this.running) await this.running.catch(() => {});
      if (!this.dirty) return this.token;
      this.running = this.once();
      try {
        await this.running;
      } finally {
        this.running = null;
      }
      return this.dirty ? this.flush() : this.token;
    }

    async once() {
      const revision = this.controller.revision;
      this.onState("saving");
      try {
        const layers = await this.controller.exportLayers({ composite: false });
        this.token = await this.save(layers);
        this.savedRevision = revision;
      } catch (error) {
        this.onState("error", error);
        throw error;
      }
      this.onState(this.dirty ? "dirty" : "saved");
    }
  }

  Object.assign(EaselCanvas, { AutoSave });
})();
