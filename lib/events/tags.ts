/** Where a problem is, as monitoring tells it in tags: `keptn_project:x, keptn_stage:y, keptn_service:z`. */
export type TaggedPlace = Partial<Record<'project' | 'stage' | 'service', string>>;

export function placeInTags(tags: string): TaggedPlace {
  const found: Record<string, string> = {};
  for (const [, name, value] of tags.matchAll(/(?:^|,)\s*keptn_(project|stage|service):([^,\s]+)/g)) {
    if (name !== undefined && value !== undefined) found[name] = value;
  }
  return found;
}
