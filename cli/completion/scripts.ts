import { TYPED_IN } from "../typed-path";

/** Shells that there is a script for. */
export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

/** The verb by which the scripts ask for words; not in the help. */
export const COMPLETE = "__complete";
/** Printed in place of words where a file's name is wanted. */
export const FILES = ":files";

/**
 * What a shell reads to complete `mirador`. The script also makes that command, because a checkout puts none on the PATH: it
 * runs this one's from any folder.
 * @param checkout absolute
 */
export function completionScript(shell: Shell, checkout: string): string {
  return SCRIPTS[shell](checkout);
}

const START = "exec node --import tsx cli/mirador.ts";
const PLACE = `export ${TYPED_IN}="$PWD"`;

const SCRIPTS: Readonly<Record<Shell, (checkout: string) => string>> = {
  // Words are cut at spaces and not where readline cuts them (also at "=" and ":"); what it is given back is the part that it
  // would replace. Nothing that stands on the line is evaluated.
  bash: (checkout) => `mirador() { (${PLACE}; cd ${posixQuoted(checkout)} && ${START} "$@"); }
_mirador() {
  local word head piece=\${COMP_WORDS[COMP_CWORD]} line=\${COMP_LINE:0:COMP_POINT}
  local -a words=()
  COMPREPLY=()
  read -r -a words <<< "$line"
  case $line in *[[:space:]]) words+=("") ;; esac
  case $piece in = | :) piece= ;; esac
  while [[ $line != *"$piece" ]]; do piece=\${piece%?}; done
  word=\${words[\${#words[@]} - 1]}
  head=\${word%"$piece"}
  while IFS=$'\\t' read -r word _; do
    if [ "$word" = ${FILES} ]; then compopt -o default 2> /dev/null; return; fi
    COMPREPLY+=("\${word#"$head"}")
  done < <(mirador ${COMPLETE} -- "\${words[@]:1}" 2> /dev/null < /dev/null)
}
complete -F _mirador mirador
`,
  zsh: (checkout) => `mirador() { (${PLACE}; cd ${posixQuoted(checkout)} && ${START} "$@") }
_mirador() {
  local line word about
  local -a found shown
  for line in "\${(@f)$(mirador ${COMPLETE} -- "\${(@)words[2,CURRENT]}" 2> /dev/null < /dev/null)}"; do
    [[ -z $line ]] && continue
    [[ $line == ${FILES} ]] && { _files; return }
    word=\${line%%$'\\t'*} about=\${line#*$'\\t'}
    found+=("$word")
    [[ $word == $line ]] && shown+=("$word") || shown+=("$word  -- $about")
  done
  compadd -d shown -a found
}
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
compdef _mirador mirador
`,
  fish: (checkout) => `function mirador
    sh -c '${PLACE}; cd "$0" && ${START} "$@"' ${fishQuoted(checkout)} $argv
end
function __mirador_words
    set -l words (commandline -opc)
    set -l found (mirador ${COMPLETE} -- $words[2..-1] (commandline -ct | string collect --allow-empty) 2> /dev/null < /dev/null)
    if test "$found" = ${FILES}
        __fish_complete_path (commandline -ct)
    else
        printf '%s\\n' $found
    end
end
complete -c mirador -e
complete -c mirador -f -a '(__mirador_words)'
`,
};

const posixQuoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
const fishQuoted = (text: string): string => `'${text.replaceAll(/['\\]/g, "\\$&")}'`;
