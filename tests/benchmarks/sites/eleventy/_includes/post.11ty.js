import { day, escape, frame, slug } from "./frame.js";

export function render(data) {
  const tags = data.tags.map((tag) => `<li><a href="/tags/${slug(tag)}/">${escape(tag)}</a></li>`).join("");
  const main = `<article>
<h1>${escape(data.title)}</h1>
<p>${escape(data.author)}, <time datetime="${data.page.date.toISOString()}">${day(data.page.date)}</time></p>
${data.content}
<ul>${tags}</ul>
</article>`;
  return frame(data.title, data.page.url, main);
}
