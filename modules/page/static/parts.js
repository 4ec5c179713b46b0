/* What a search found, kept in parts of SIZE records that are fetched when they come into sight.
 *
 * Knows no route: its caller asks the server.
 */
(() => {
  "use strict";
  const SIZE = 200;

  class Parts {
    /** first: the records of the first part; fetch(offset, limit) -> the records from there on;
     * came(): a later part is there, or could not be had. */
    constructor(first, fetch, came) {
      this.fetch = fetch;
      this.came = came;
      this.known = new Map([[0, first]]);
    }

    at(place) {
      return this.known.get(Math.floor(place / SIZE))?.[place % SIZE];
    }

    /** The records from `first` to before `last` are in sight. */
    want(first, last) {
      if (last <= first) return;
      for (let part = Math.floor(first / SIZE); part <= Math.floor((last - 1) / SIZE); part += 1) {
        if (this.known.has(part)) continue;
        this.known.set(part, []);
        this.load(part);
      }
    }

    async load(part) {
      try {
        this.known.set(part, await this.fetch(part * SIZE, SIZE));
      } catch {
        this.known.delete(part); // asked again when it is next in sight
      }
      this.came();
    }
  }

  window.EaselParts = Object.assign(Parts, { SIZE });
})();
