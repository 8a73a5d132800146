import { ProblemError } from "../problem";

/**
 * A text that Terraform passes on byte by byte. Terraform reads `${` and `%{` in every string, and the provider's
 * bindings do not escape them.
 * @throws ProblemError `terraform/reference-in-literal` for a cdktf token, which escaping would turn into plain text
 */
export function literal(text: string): string {
  if (/\$\{TfToken\[/.test(text)) {
    throw new ProblemError([
      {
        code: "terraform/reference-in-literal",
        what: `a Terraform reference stands in a text that must be known before Terraform runs`,
        where: text.slice(0, 80),
        fix: "give the value itself",
      },
    ]);
  }
  // A function, because `$$` in a replacement text means one dollar.
  return text.replaceAll(/[$%]\{/g, (opening) => `${opening[0]}${opening}`);
}
