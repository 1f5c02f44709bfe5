/** Value of a JSON text; undefined for what is not JSON: whoever prepares the page lists such a record. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
