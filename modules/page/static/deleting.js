/* Deleting a picture: asks once, and offers to put it back. The same for results and history.
 *
 * Knows the routes of deleted pictures; its caller knows the picture's own.
 */
(() => {
  "use strict";
  const { ask } = EaselDom;
  const options = { days: 30 };

  const question = (name) => options.days
    ? t("Delete {name}? It can be put back for {n} days.", { name, n: options.days })
    : t("Delete {name}? There is no way back.", { name });

  /** Whoever shows the picture hears of it, too. */
  async function told(after) {
    document.dispatchEvent(new CustomEvent("easel-deleted"));
    await after?.();
  }

  /** Delete the picture at `path`, where the person agrees. after(): it is gone, or back again. */
  async function remove({ name, path, after }) {
    if (!confirm(question(name))) return false;
    let gone;
    try {
      gone = await ask(path, { method: "DELETE" });
    } catch (error) {
      EaselNotices.show(t("{name} was not deleted: {why}", { name, why: error.message }));
      return false;
    }
    await told(after);
    if (gone.id) {
      EaselNotices.show(t("{name} is deleted.", { name }),
        { label: t("Put back"), run: () => putBack(gone.id, name, after) });
    }
    return true;
  }

  async function putBack(id, name, after) {
    try {
      await ask(`easel/v1/deleted/${id}/restore`, { method: "POST" });
      await told(after);
    } catch (error) {
      EaselNotices.show(t("{name} was not put back: {why}", { name, why: error.message }));
    }
  }

  window.EaselDeleting = {
    remove, putBack,
    configure: (state) => { options.days = state.keep_deleted_days ?? options.days; },
  };
})();
