// Fast settings: templates are functions, and Markdown is not run through a template language first.
export default function (config) {
  config.addCollection("posts", (all) => all.getFilteredByGlob("content/posts/**/*.md"));
  config.addCollection("topics", (all) => {
    const topics = new Map();
    for (const post of all.getFilteredByGlob("content/posts/**/*.md")) {
      for (const tag of post.data.tags) {
        if (!topics.has(tag)) topics.set(tag, []);
        topics.get(tag).push(post);
      }
    }
    return [...topics].map(([name, posts]) => ({ name, posts: posts.slice(-40).reverse() }));
  });
  return {
    dir: { input: ".", output: "_site", includes: "_includes" },
    templateFormats: ["md", "11ty.js"],
    markdownTemplateEngine: false,
    htmlTemplateEngine: false,
  };
}
