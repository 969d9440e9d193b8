/** Runs `run` every `ms`, for the first time after `ms`, by timers that run once; the result ends that. */
export function every(
  ms: number,
  run: () => void,
  setTimer: (run: () => void, ms: number) => () => void,
): () => void {
  let cancel: () => void;
  const again = () => {
    run();
    cancel = setTimer(again, ms);
  };
  cancel = setTimer(again, ms);
  return () => cancel();
}
