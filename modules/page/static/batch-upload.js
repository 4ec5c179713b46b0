/* Pictures of a batch on their way to the server, many small ones in one body, and what became of
 * each.
 *
 * The list outlives a reload; files that were not sent by then can't, so their names are told. Knows
 * the route for pictures, no tab.
 */
(() => {
  "use strict";
  const { ask } = EaselDom;
  const KEY = "easel-batch";
  const LINES = 3; // bodies under way at once,
  const MOST = 64; // each with so many pictures
  const BYTES = 4 << 20; // or so many bytes, whichever is less
  const WAIT = 2000; // ms before a picture is sent again, while the server does not answer
  const inOrder = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" }).compare;

  function stored() {
    try {
      const text = sessionStorage.getItem(KEY) ?? localStorage.getItem(KEY);
      const rows = JSON.parse(text ?? "[]");
      return Array.isArray(rows) ? rows.filter((row) => Array.isArray(row) && row.length === 3) : [];
    } catch {
      return [];
    }
  }

  /** changed(): something about the list is different. */
  class UploadList {
    constructor(changed) {
      this.changed = changed;
      this.isLost = false; // the server does not answer
      this.sending = 0;
      this.lost = 0; // pictures that a reload cut off
      this.entries = stored().map(([name, sum, problem]) => {
        const cut = !sum && !problem;
        this.lost += cut ? 1 : 0;
        return cut ? null : { name: String(name), sum: String(sum), problem: String(problem) };
      }).filter(Boolean);
      this.save();
      addEventListener("pagehide", () => this.save());
    }

    get waiting() {
      return this.entries.filter((entry) => entry.file).length;
    }

    /** Files in the order of their names, behind those that are there. */
    add(files) {
      const fresh = [...files].sort((a, b) => inOrder(a.name, b.name));
      this.lost = 0;
      this.entries.push(...fresh.map((file) => ({ name: file.name, sum: "", problem: "", file })));
      this.tell();
      while (this.sending < LINES && this.entries.some((entry) => entry.file && !entry.taken)) this.line();
    }

    remove(entry) {
      this.entries = this.entries.filter((each) => each !== entry);
      this.tell();
    }

    clear() {
      this.entries = [];
      this.lost = 0;
      this.tell();
    }

    /** One body after the other, until nothing is left to be sent. */
    async line() {
      this.sending += 1;
      for (let some = this.next(); some.length; some = this.next()) {
        await this.send(some);
        this.tell();
      }
      this.sending -= 1;
      this.tell();
    }

    /** The entries of one body: those that wait longest. A large picture travels alone. */
    next() {
      const some = [];
      let bytes = 0;
      for (const entry of this.entries) {
        if (!entry.file || entry.taken) continue;
        bytes += entry.file.size;
        if (some.length && (bytes > BYTES || some.length === MOST)) break;
        entry.taken = true;
        some.push(entry);
      }
      return some;
    }

    /** Until each is stored, refused or removed from the list. */
    async send(some) {
      for (;;) {
        some = some.filter((entry) => this.entries.includes(entry));
        if (!some.length) return;
        try {
          const { stored } = await this.post(some);
          stored.forEach(({ sha256, problem }, at) => this.settle(some[at], sha256, easelHeard(problem)));
        } catch (error) {
          if (await this.dropUnreadable(some, error)) continue;
          const isFull = error.status === 507;
          if (!error.status || (error.status >= 502 && !isFull)) { // the server is away
            this.isLost = true;
            this.tell();
            await new Promise((go) => setTimeout(go, WAIT));
            continue;
          }
          if (some.length > 1) { // one of them may be what is refused: each by itself
            for (const entry of some) await this.send([entry]);
          } else this.settle(some[0], "", error.message);
        }
        this.isLost = false;
        return;
      }
    }

    post(some) {
      const sizes = some.map((entry) => entry.file.size).join();
      const body = new Blob(some.map((entry) => entry.file));
      return ask(`easel/v1/inputs/several?sizes=${sizes}`, { method: "POST", body });
    }

    /** One file that was changed since it was chosen spoils the whole body. Whether there was one. */
    async dropUnreadable(some, error) {
      if (error.status) return false;
      const looks = await Promise.all(some.map(({ file }) =>
        file.slice(0, 1).arrayBuffer().catch(() => null)));
      const bad = some.filter((_, at) => looks[at] === null);
      for (const entry of bad) this.settle(entry, "", t("the file was changed or moved: add it again"));
      return bad.length > 0;
    }

    settle(entry, sum, problem) {
      Object.assign(entry, { sum, problem });
      delete entry.file;
    }

    /** When everything is sent, or `signal` says that nobody waits any more. */
    settled(signal) {
      return new Promise((done, fail) => {
        const look = () => {
          if (signal.aborted) fail(new Error(t("sending the pictures was stopped")));
          else if (!this.waiting) done();
          else setTimeout(look, 100);
        };
        look();
      });
    }

    rows() {
      return this.entries.map(({ name, sum, problem }) => [name, sum, problem]);
    }

    tell() {
      clearTimeout(this.saving);
      this.saving = setTimeout(() => this.save(), 300);
      this.changed();
    }

    save() {
      const text = JSON.stringify(this.rows());
      for (const place of ["sessionStorage", "localStorage"]) {
        try {
          window[place].setItem(KEY, text);
        } catch {} // forbidden or full: then a reload starts with an empty list
      }
    }
  }

  /** The files in what was dropped, those in folders too. */
  async function dropped(transfer) {
    const roots = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
    if (!roots.some((root) => root.isDirectory)) return [...transfer.files];
    const found = [];
    const walk = async (entry) => {
      if (entry.isFile) {
        found.push(await new Promise((done, fail) => entry.file(done, fail)));
        return;
      }
      const reader = entry.createReader();
      for (;;) { // it gives a hundred at a time
        const some = await new Promise((done, fail) => reader.readEntries(done, fail));
        if (!some.length) return;
        for (const each of some) await walk(each);
      }
    };
    for (const root of roots) await walk(root);
    return found;
  }

  window.EaselUploads = { UploadList, dropped };
})();
