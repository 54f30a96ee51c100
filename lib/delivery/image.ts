/** Container images as events tell them: name and tag apart, in two fields. */

/** `repo/name:tag` or `repo/name@sha256:…`, of what `splitImage` gave. */
export function imageOf({ image, tag }: { image: string; tag: string }): string {
  if (tag === '') return image;
  return `${image}${tag.startsWith('sha256:') ? '@' : ':'}${tag}`;
}

/** A registry may have a port, and an image no tag. */
export function splitImage(text: string): { image: string; tag: string } {
  const digest = text.indexOf('@');
  if (digest >= 0) return { image: text.slice(0, digest), tag: text.slice(digest + 1) };
  const colon = text.lastIndexOf(':');
  if (colon <= text.lastIndexOf('/')) return { image: text, tag: '' };
  return { image: text.slice(0, colon), tag: text.slice(colon + 1) };
}
