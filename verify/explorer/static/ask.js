// Asks the command that has served this page: python -m verify.explore --serve.

/** What theory.shape says of an activation, as the known ones are kept; {error} where it says nothing. */
export const ask = async (text) => {
  let answer;
  try {
    const reply = await fetch("shape", {method: "POST", body: text});
    if (!reply.ok) return {error: `the command answers ${reply.status}`};
    answer = await reply.json();
  } catch {
    return {error: "the command that has served this page does not answer"};
  }
  if (answer.error) return answer;
  const {w, b, a} = answer.weights?.exact ?? {};
  return {...answer, text, weights: w ? {w, b, a} : null, steps: answer.steps.map(({name}) => name), branches: [], mirror: null};
};
