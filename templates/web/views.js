// Fills in how often articles were read. Without it every page reads the same.
(() => {
  const language = document.documentElement.lang || "en";
  const number = new Intl.NumberFormat(language);
  const asked = new Map();
  const get = (url) => {
    if (!asked.has(url)) {
      asked.set(url, fetch(url).then((answer) => (answer.ok ? answer.json() : {})).catch(() => ({})));
    }
    return asked.get(url);
  };
  const words = (place, count, approximate) => {
    const form = new Intl.PluralRules(language).select(count) === "one" ? "one" : "other";
    return place.dataset[form].replace("{count}", (approximate ? "≈\u00a0" : "") + number.format(count));
  };
  for (const place of document.querySelectorAll("[data-views]")) {
    get(place.dataset.totals).then((totals) => {
      const found = (totals.articles || {})[place.dataset.views] || { counted: 0 };
      const count = found.counted + Number(place.dataset.imported || 0);
      if (count) {
        place.textContent = words(place, count, found.approximate);
        place.hidden = false;
      }
    });
  }
  // Only where the settings ask for it: says that this article is read, once it is in sight.
  const place = document.querySelector("[data-beacon]");
  const report = () => {
    if (place && document.visibilityState === "visible") {
      document.removeEventListener("visibilitychange", report);
      navigator.sendBeacon(place.dataset.beacon, new URLSearchParams({ path: location.pathname }));
    }
  };
  document.addEventListener("visibilitychange", report);
  report();
  for (const list of document.querySelectorAll("[data-popular]")) {
    get(list.dataset.totals).then((totals) => {
      const found = (totals[list.dataset.popular] || []).slice(0, Number(list.dataset.limit));
      list.replaceChildren(...found.map((article) => {
        const link = Object.assign(document.createElement("a"), { href: article.url, textContent: article.title });
        const item = document.createElement("li");
        item.append(link, " ", Object.assign(document.createElement("span"), {
          className: "count", textContent: words(list, article.views, article.approximate) }));
        return item;
      }));
      list.hidden = !found.length;
    });
  }
})();
