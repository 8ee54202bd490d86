// Reloads this page when what it shows has changed. Only a page served by `pressrun serve` carries it.
(() => {
  "use strict";
  const script = document.currentScript;
  const loaded = script.dataset.version;
  const address = new URL("events", script.src);
  const tabs = new BroadcastChannel("pressrun");
  let checks = Promise.resolve();

  const recall = (name) => { try { return sessionStorage.getItem(name); } catch { return null; } };
  const keep = (name, value) => { try { sessionStorage.setItem(name, value); } catch { /* no storage: no matter */ } };
  const forget = (name) => { try { sessionStorage.removeItem(name); } catch { /* likewise */ } };

  const scroll = recall("pressrun-scroll");
  if (scroll !== null) {
    forget("pressrun-scroll");
    scrollTo({ top: Number(scroll), behavior: "instant" });
  }

  // A script, picture or stylesheet of this page is among the files.
  function shows(files) {
    const used = performance.getEntriesByType("resource").map((entry) => new URL(entry.name).pathname);
    return files.some((file) => used.includes(file));
  }

  // What the server holds under this page's address: its version, or another address where it has moved.
  async function check(files) {
    const answer = await fetch(location.href.split("#")[0], { method: "HEAD", cache: "no-store" });
    const version = (answer.headers.get("etag") || "").replace(/^W\/|"/g, "").replace(/-gz$/, "");
    if (answer.redirected) {
      leave(() => location.replace(answer.url + location.hash));
    } else if (shows(files)) {
      leave(() => location.reload());
    } else if (version && version !== loaded && version !== recall("pressrun-version")) {
      keep("pressrun-version", version); // once for each version: something between us may change ETags
      leave(() => location.reload());
    }
  }

  function leave(go) {
    keep("pressrun-scroll", String(scrollY));
    go();
  }

  function checkNext(files) {
    checks = checks.then(() => check(files)).catch(() => { /* the server is away; its return is a check too */ });
  }

  // Listens for this tab and, by the channel, for all others. Whoever begins asks everybody to look: something
  // may have changed while nobody listened.
  function listen() {
    const stream = new EventSource(address);
    const tell = (files) => { tabs.postMessage(files); checkNext(files); };
    stream.onopen = () => tell([]);
    stream.onmessage = (event) => tell(JSON.parse(event.data).files);
    stream.onerror = () => { if (stream.readyState === EventSource.CLOSED) setTimeout(listen, 1000); };
  }

  tabs.onmessage = (message) => checkNext(message.data);
  checkNext([]); // for what changed before this page could hear of it

  // A browser opens six connections to a host at most: one tab listens, and the next when that one is closed.
  if (navigator.locks) navigator.locks.request("pressrun", () => new Promise(listen));
  else listen();
})();
