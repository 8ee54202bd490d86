const escapes = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
export const escape = (text) => String(text).replace(/[&<>"]/g, (letter) => escapes[letter]);
export const slug = (name) => name.toLowerCase().replace(/\s+/g, "-");
const dayFormat = { day: "numeric", month: "long", year: "numeric", timeZone: "UTC" };
export const item = (post) =>
  `<li><a href="${post.url}">${escape(post.data.title)}</a> ${day(post.date)}</li>`;
const format = new Intl.DateTimeFormat("en-GB", dayFormat);
export const day = (date) => format.format(date);
export const frame = (title, url, main) => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escape(title)}</title>
<link rel="canonical" href="https://example.org${url}">
<link rel="alternate" type="application/rss+xml" href="/feed.xml">
<link rel="stylesheet" href="/style.css">
</head>
<body>
<header><a href="/">The Benchmark</a></header>
<main>
${main}
</main>
<footer><a href="/feed.xml">RSS</a></footer>
</body>
</html>
`;
