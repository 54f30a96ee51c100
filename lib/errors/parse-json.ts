/** JSON that others wrote; undefined when it is none. A schema says what it has to be. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
