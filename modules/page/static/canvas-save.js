/* Saving in the background: some time after a change, one save at a time, never losing the last.
 *
 * `save(drawing)` is handed in and answers a promise of a token; this knows neither where it goes
 * nor what a token means. Until a save is through, every change also lies in the `journal`.
 */
(() => {
  "use strict";
  const EaselCanvas = (window.EaselCanvas ??= {});

  const RETRY = 5000; // milliseconds until a failed save is tried again

  class AutoSave {
    /** onState("dirty" | "saving" | "saved" | "error", error) follows the state. journal: null, or as
     * Drawer.journalOf. */
    constructor({ controller, save, journal, delay, onState }) {
      Object.assign(this, { controller, save, journal, delay, onState });
      this.savedRevision = controller.revision;
      this.token = "";
      this.timer = 0;
      this.running = null;
      this.hiding = () => document.hidden && this.dirty && this.flush().catch(() => {});
      this.leaving = (event) => {
        if (this.dirty && !this.journal?.works()) event.preventDefault(); // else it would be lost
      };
      document.addEventListener("visibilitychange", this.hiding);
      window.addEventListener("beforeunload", this.leaving);
    }

    destroy() {
      clearTimeout(this.timer);
      document.removeEventListener("visibilitychange", this.hiding);
      window.removeEventListener("beforeunload", this.leaving);
    }

    get dirty() {
      return this.savedRevision !== this.controller.revision;
    }

    /** record: what changed, for the journal. urgent: too much to lie there for long. */
    changed(record, urgent = false) {
      this.journal?.write(record).catch(() => {});
      this.onState("dirty");
      this.schedule(urgent ? 0 : this.delay);
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
      this.journal?.settle(this.controller.edit).catch(() => {});
      this.onState("saved");
    }

    /** What is on the canvas is not on the server: save it at once. */
    catchUp() {
      this.forget();
      this.onState("dirty");
      this.schedule(0);
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
      const { revision, edit } = this.controller;
      this.onState("saving");
      try {
        this.token = await this.save(this.controller.capture());
        this.savedRevision = revision;
      } catch (error) {
        this.onState("error", error);
        throw error;
      }
      this.journal?.settle(edit).catch(() => {});
      this.onState(this.dirty ? "dirty" : "saved");
    }
  }

  Object.assign(EaselCanvas, { AutoSave });
})();
