/* Which pictures are shown together: those of a job, each followed by what was made larger from it.
 *
 * A job that began with a finished picture names that picture's sum, so the tie outlives a reload.
 * Knows records of jobs, draws nothing.
 */
(() => {
  "use strict";

  /** The sum of the picture that the job's second pass began with; "" for any other job. */
  const firstOf = (job) => job.request.hires?.firstpass_image ?? "";

  /** Whether there is a picture that this one was made from. */
  const hasStart = (job) => Boolean(job.request.init || firstOf(job));

  /** What stands for all pictures of the job on one sheet, where there is one. */
  const sheet = (job) => (job.grid && job.items.length > 1 ? [{ job, item: job.grid }] : []);

  class Family {
    constructor() {
      this.known = new Map(); // jobs by id
      this.showsGrid = true;
    }

    /** The newest jobs are these, and their records as they are now. `keep`: one that may be older. */
    renew(jobs, keep) {
      this.known = new Map(jobs.map((job) => [job.id, job]));
      if (keep && !this.known.has(keep.id)) this.known.set(keep.id, keep);
    }

    take(job) {
      this.known.set(job.id, job);
    }

    /** The job that the pictures of `job` are shown with: its own, or that of its first picture. */
    root(job) {
      const seen = new Set();
      let at = job;
      while (firstOf(at) && !seen.has(at.id)) {
        seen.add(at.id);
        const sum = firstOf(at);
        const before = [...this.known.values()].find((each) =>
          each.created < at.created && each.items.some((item) => item.sha256 === sum));
        if (!before) break;
        at = before;
      }
      return at;
    }

    /** [{job, item}] of a root's pictures and all that came of them, its grid (index -1) first. */
    entries(root) {
      const found = this.showsGrid ? sheet(root) : [];
      const add = (job) => {
        for (const item of job.items) {
          found.push({ job, item });
          this.larger(item, job.created).forEach(add);
        }
      };
      add(root);
      return found;
    }

    /** Later jobs alone: a picture may come out as it went in. */
    larger(item, since) {
      const jobs = [...this.known.values()].filter((job) =>
        job.created > since && firstOf(job) === item.sha256);
      return jobs.sort((one, other) => one.created - other.created);
    }

    /** Jobs with pictures that stand for themselves, the newest first, each with all its entries. */
    roots(jobs) {
      const alone = jobs.filter((job) => this.root(job).id === job.id);
      return alone.map((job) => ({ job, entries: this.entries(job) })).filter(({ entries }) => entries.length);
    }
  }

  window.EaselFamily = { Family, hasStart };
})();
