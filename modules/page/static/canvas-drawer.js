/* The browser's own drawer (IndexedDB): the journal of unsaved changes, and the attic of old undo.
 *
 * Journal: each change is written down as it is made, and goes once the server has it; so a reload a
 * moment after a stroke loses nothing. Attic: bytes by key, for as long as this page lives. Where
 * the browser offers no drawer, `works` stays false and both do nothing. Knows no drawing.
 */
(() => {
  "use strict";
  const EaselCanvas = (window.EaselCanvas ??= {});
  const STALE = 7 * 24 * 3600 * 1000; // ms after which another page's attic is swept

  const result = (request) =>
    new Promise((resolve, reject) => {
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });

  const session = `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;

  class Drawer {
    constructor(name = "easel-canvas") {
      this.db = null;
      this.opening = this.open(name).catch(() => null);
    }

    get works() {
      return this.db !== null;
    }

    async open(name) {
      const request = indexedDB.open(name, 1);
      request.onupgradeneeded = () => {
        request.result.createObjectStore("journal", { keyPath: ["canvas", "edit"] });
        request.result.createObjectStore("attic", { keyPath: ["session", "number"] });
      };
      this.db = await result(request);
      this.db.onversionchange = () => this.db.close();
      navigator.locks?.request(`easel-canvas ${session}`, () => new Promise(() => {}));
      this.sweep().catch(() => {});
      return this.db;
    }

    /** Do something to a store, at once where the drawer is open; commits without waiting. */
    change(store, act) {
      const run = (db) => {
        if (!db) throw new Error("this browser keeps nothing");
        const transaction = db.transaction(store, "readwrite", { durability: "relaxed" });
        const request = act(transaction.objectStore(store));
        transaction.commit?.();
        return new Promise((resolve, reject) => {
          transaction.oncomplete = () => resolve(request?.result);
          transaction.onabort = transaction.onerror = () => reject(transaction.error);
        });
      };
      return this.db ? new Promise((resolve) => resolve(run(this.db))) : this.opening.then(run);
    }

    async read(store, act) {
      const db = await this.opening;
      return db ? result(act(db.transaction(store).objectStore(store))) : undefined;
    }

    /** The journal of one canvas: write(record), settle(edit), read(). */
    journalOf(canvas) {
      const range = (last) => IDBKeyRange.bound([canvas, 0], [canvas, last]);
      return {
        works: () => this.works,
        write: (record) => this.change("journal", (store) => store.put({ ...record, canvas })),
        /** The server has everything up to this number. */
        settle: (edit) => this.change("journal", (store) => store.delete(range(edit))),
        read: async () => (await this.read("journal", (store) => store.getAll(range(Infinity)))) ?? [],
      };
    }

    /** Bytes out of the way: put(bytes) answers a key. */
    get attic() {
      let number = 0;
      return {
        put: async (bytes) => {
          const key = [session, number++];
          const record = { session, number: key[1], bytes, time: Date.now() };
          await this.change("attic", (store) => store.put(record));
          return key;
        },
        get: async (key) => (await this.read("attic", (store) => store.get(key))).bytes,
        drop: (key) => this.change("attic", (store) => store.delete(key)).catch(() => {}),
      };
    }

    /** Throw away what pages that are gone left in the attic. */
    async sweep() {
      const held = navigator.locks ? (await navigator.locks.query()).held : null;
      const alive = held && new Set(held.map((lock) => lock.name));
      for (const key of await this.read("attic", (store) => store.getAllKeys())) {
        const gone = alive
          ? !alive.has(`easel-canvas ${key[0]}`)
          : Date.now() - parseInt(key[0].split("-")[0], 36) > STALE;
        if (gone && key[0] !== session) await this.change("attic", (store) => store.delete(key));
      }
    }
  }

  Object.assign(EaselCanvas, { Drawer });
})();
