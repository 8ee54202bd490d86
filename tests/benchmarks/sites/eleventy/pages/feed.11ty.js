import { escape } from "../_includes/frame.js";

export const data = { permalink: "/feed.xml" };

const item = (post) => `<item>
<title>${escape(post.data.title)}</title>
<link>https://example.org${post.url}</link>
<guid>https://example.org${post.url}</guid>
<pubDate>${post.date.toUTCString()}</pubDate>
<description>${escape(post.content)}</description>
</item>`;

export function render(data) {
  const posts = data.collections.posts.slice(-50).reverse();
  return `<?xml version="1.0" encoding="utf-8"?>
<rss version="2.0"><channel>
<title>The Benchmark</title>
<link>https://example.org/</link>
<description>Posts of eight hundred words, five a day.</description>
${posts.map(item).join("\n")}
</channel></rss>
`;
}
