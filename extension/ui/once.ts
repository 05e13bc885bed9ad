/** Makes something when it is first asked for, and hands out the same ever after; a failure is tried again. */
export function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | null = null;
  return () => {
    if (made === null) {
      const attempt = make();
      made = attempt;
      attempt.catch(() => (made = null));
    }
    return made;
  };
}
