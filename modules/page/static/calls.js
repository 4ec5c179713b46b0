/* What Gradio asks of the server for the page's own handlers: where it gets no answer, that is said.
 *
 * Gradio itself is silent about it. Knows one address, no handler.
 */
(() => {
  "use strict";
  const HANDLERS = /\/gradio_api\/run\//;
  const plain = window.fetch;

  window.fetch = async (resource, options) => {
    const address = String(resource?.url ?? resource);
    if (!HANDLERS.test(address)) return plain(resource, options);
    try {
      const answer = await plain(resource, options);
      if (answer.status >= 500)
        EaselNotices.show(t("The server could not do this; its log says why. What you wrote is kept"));
      return answer;
    } catch (error) {
      EaselNotices.show(t("The server does not answer, so nothing was done. What you wrote is kept: try again"));
      throw error;
    }
  };
})();
