/** A duration as Go prints it. Any other spelling of the same time is a difference that every plan shows again. */
export function goDuration(seconds: number): string {
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  const rest = `${seconds % 60}s`;
  if (hours > 0) return `${hours}h${minutes}m${rest}`;
  return minutes > 0 ? `${minutes}m${rest}` : rest;
}

/** Cores as the provider reads them back: the shortest decimal that has a point. `"1"` would replace a container at every apply. */
export function coreCount(cores: number): string {
  return Number.isInteger(cores) ? cores.toFixed(1) : String(cores);
}
