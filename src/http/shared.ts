/**
 * One answer for all who ask within `lifeMs`: however many pages are open, the store is asked once. A failure is not
 * kept.
 */
export function shared<Answer>(ask: () => Promise<Answer>, lifeMs: number, now: () => number): () => Promise<Answer> {
  let askedMs = -Infinity;
  let answer: Promise<Answer> | null = null;
  return () => {
    if (answer !== null && now() - askedMs < lifeMs) return answer;
    askedMs = now();
    const asked = ask();
    answer = asked;
    asked.catch(() => {
      if (answer === asked) answer = null;
    });
    return asked;
  };
}
