/** Repeats `step` until it answers 0 or `isOver`; answers the sum. */
export async function drain(step: () => Promise<number>, isOver: () => boolean): Promise<number> {
  let sum = 0;
  for (let done = -1; done !== 0 && !isOver();) {
    done = await step();
    sum += done;
  }
  return sum;
}
