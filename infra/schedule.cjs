/** Seconds between two ticks, for the alarm that misses them. What is no rate is refused by scripts/settings.mjs. */
module.exports.seconds = async ({ resolveVariable }) => {
  const minutes = /^rate\((\d+) minutes?\)$/.exec(await resolveVariable('param:schedule-rate'))?.[1];
  return 60 * Number(minutes ?? 1);
};
