// Finds articles in the site's own index: a file of titles and one of texts for each month, the newest first.
// Nothing is asked of anybody else, and nothing before a reader types.
(() => {
  const form = document.querySelector("form.search");
  if (!form) return;
  const [input, status, list, more] = ["#q", "#found", ".hits", ".older"].map((one) => document.querySelector(one));
  const language = document.documentElement.lang || "en";
  const days = new Intl.DateTimeFormat(language, { dateStyle: "long", timeZone: "UTC" });
  const ENOUGH = 1000; // articles whose texts are read without being asked
  const SHOWN = 50;
  const LETTERS = { "ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i" };
  const ENDINGS = { en: ["es", "s"], de: ["en", "er", "es", "e", "n", "s"], fr: ["es", "s", "x"] }[language.split("-")[0]] || [];
  const WORD = /[\p{L}\p{N}]+/gu;
  const UNSPACED = /[\u3041-\u30ff\u3400-\u9fff\uf900-\ufaff]+/gu;

  // As pressrun/domain/search.py folds what the index holds.
  const folded = (text) => text.toLowerCase().normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase()
    .replace(/[ßæœøłđðþı]/g, (letter) => LETTERS[letter]);
  const words = (text) => (folded(text).match(WORD) || []).flatMap((word) => {
    const runs = word.match(UNSPACED) || [];
    const pairs = runs.flatMap((run) => run.length < 3 ? [run] : Array.from(run.slice(1), (_, at) => run.slice(at, at + 2)));
    return [...pairs, ...word.split(UNSPACED).filter(Boolean)];
  });
  // A word that was typed, and what else it may stand for: "tides" and "tide", "kuerbis" and "kurbis".
  const variants = (word) => {
    const found = [word];
    for (const end of ENDINGS) if (word.endsWith(end) && word.length - end.length > 3) found.push(word.slice(0, -end.length));
    if (language.startsWith("de")) found.push(...found.map((one) => one.replace(/([aou])e/g, "$1")));
    return [...new Set(found)];
  };

  const months = []; // { name, articles: [{ url, title, … , fields }], words, places, summaries }
  const common = {}; // by language: words that texts need not hold, since the index leaves them out
  let known, titles = false, texts = 0, limit = ENOUGH, busy = false;
  const get = (name) => fetch(form.dataset.index + name).then((answer) => {
    if (!answer.ok) throw new Error(name);
    return answer.json();
  });
  const side_by_side = async (things, act) => {
    const rest = [...things];
    await Promise.all(Array.from({ length: 6 }, async () => { while (rest.length) await act(rest.shift()); }));
  };
  const read_titles = async () => {
    known ||= get("months.json").then((found) => {
      for (const name in found.common) common[name] = new Set(found.common[name].split(" "));
      months.push(...found.months.map((name) => ({ name, articles: [] })));
    });
    await known;
    await side_by_side(months.filter((month) => !month.read), async (month) => {
      const found = await get(`${month.name}.json`);
      month.articles = found.articles.map(([url, title, day, tags, authors, lang]) => ({ url, title, day, tags, authors, lang,
        fields: [[words(title), 12], [tags.flatMap(words), 8], [authors.flatMap(words), 6]] }));
      month.read = true;
      show();
    });
    titles = true;
  };
  const read_texts = async () => {
    for (const month of months) {
      if (month.words) continue;
      if (texts >= limit) break;
      const found = await get(`${month.name}.text.json`);
      Object.assign(month, { words: found.words ? found.words.split(" ") : [], places: found.in, summaries: found.summaries });
      texts += month.articles.length;
      show();
    }
  };

  // How well a word fits: all of it is worth more than its beginning, as typed more than another form of it.
  const fit = (field, forms) => {
    let best = 0;
    for (const word of field) forms.forEach((form, at) => {
      if (word.startsWith(form)) best = Math.max(best, (word === form ? 1 : 0.7) - (at ? 0.1 : 0));
    });
    return best;
  };
  const first = (sorted, prefix) => {
    let low = 0, high = sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sorted[middle] < prefix) low = middle + 1; else high = middle;
    }
    return low;
  };
  const in_texts = (month, forms) => {
    const found = new Map();
    forms.forEach((form, nth) => {
      for (let at = first(month.words || [], form); at < (month.words || []).length && month.words[at].startsWith(form); at++) {
        const worth = (month.words[at] === form ? 3 : 2) - (nth ? 0.3 : 0);
        for (const number of month.places[at]) found.set(number, Math.max(found.get(number) || 0, worth));
      }
    });
    return found;
  };
  const search = (asked) => {
    const hits = [];
    for (const month of months) {
      const text = asked.map((forms) => in_texts(month, forms));
      month.articles.forEach((article, number) => {
        let score = 0;
        for (let at = 0; at < asked.length; at++) {
          const worth = Math.max(text[at].get(number) || 0, ...article.fields.map(([field, weight]) => weight * fit(field, asked[at])));
          const usual = (common[(article.lang || language).split("-")[0].toLowerCase()] || new Set()).has(asked[at][0]);
          if (!worth && !usual) return;
          score += usual ? worth / 100 : worth;
        }
        if (!score) return;
        hits.push({ article, score, summary: month.summaries && month.summaries[number] });
      });
    }
    const order = (a, b) => (a < b ? 1 : a > b ? -1 : 0);
    return hits.sort((a, b) => b.score - a.score || order(a.article.day, b.article.day) || order(b.article.url, a.article.url));
  };

  const make = (name, values, ...inside) => {
    const made = Object.assign(document.createElement(name), values);
    made.append(...inside);
    return made;
  };
  const marked = (text, asked) => {
    const parts = [];
    let end = 0;
    for (const found of text.matchAll(WORD)) {
      if (asked.some((forms) => words(found[0]).some((word) => forms.some((form) => word.startsWith(form))))) {
        parts.push(text.slice(end, found.index), make("mark", { textContent: found[0] }));
        end = found.index + found[0].length;
      }
    }
    return [...parts, text.slice(end)];
  };
  let shown = "";
  const show = () => {
    const asked = words(input.value).map(variants);
    const hits = asked.length ? search(asked) : [];
    const focused = document.activeElement && document.activeElement.href;
    const said = JSON.stringify([input.value, hits.slice(0, SHOWN).map(({ article, summary }) => [article.url, summary])]);
    if (said !== shown) {
      shown = said;
      list.replaceChildren(...hits.slice(0, SHOWN).map(({ article, summary }) => {
        const link = make("a", { href: article.url }, ...marked(article.title, asked));
        const item = make("li", {}, make("h2", {}, link));
        if (article.lang) item.lang = article.lang;
        if (summary) item.append(make("p", {}, summary));
        const meta = make("p", { className: "meta", lang: language }, make("time", { dateTime: article.day, textContent: days.format(new Date(article.day)) }));
        for (const name of [...article.authors, ...article.tags]) meta.append(make("span", {}, ...marked(name, asked)));
        item.append(meta);
        if (link.href === focused) setTimeout(() => link.focus());
        return item;
      }));
    }
    more.hidden = busy || !asked.length || !titles || months.every((month) => month.words);
    const form_of = new Intl.PluralRules(language).select(hits.length) === "one" ? "one" : "other";
    const count = new Intl.NumberFormat(language).format(hits.length);
    status.textContent = !asked.length ? "" : !hits.length && busy ? form.dataset.reading
      : hits.length ? form.dataset[form_of].replace("{count}", count) : form.dataset.none;
  };
  const look = async () => {
    if (!busy && words(input.value).length) {
      busy = true;
      show();
      try {
        await read_titles();
        await read_texts();
        busy = false;
      } catch {
        busy = known = false;
        months.length = texts = 0;
        status.textContent = form.dataset.broken;
        return;
      }
    }
    show();
  };

  let waiting;
  input.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(look, 120);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    history.replaceState(null, "", input.value ? `?q=${encodeURIComponent(input.value)}` : location.pathname);
    look();
  });
  more.firstElementChild.addEventListener("click", () => {
    limit = Infinity;
    input.focus();
    look();
  });
  document.addEventListener("keydown", (event) => {
    const links = [...list.querySelectorAll("a")];
    const at = links.indexOf(document.activeElement);
    if (at < 0 && document.activeElement !== input) return;
    const to = { ArrowDown: links[at + 1], ArrowUp: at > 0 ? links[at - 1] : at === 0 ? input : undefined, Escape: at < 0 ? undefined : input }[event.key];
    if (to) {
      event.preventDefault();
      to.focus();
    }
  });
  document.querySelector(".no-search").remove();
  form.hidden = false;
  input.value = new URLSearchParams(location.search).get("q") || "";
  if (input.value) look(); else input.focus({ preventScroll: true });
})();
