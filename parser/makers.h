// From a Statement with its words to the typed instruction: one function per keyword, used by the
// table only. Each throws DockerfileError without a range.
#pragma once

#include "parser/statement.h"

namespace cooper::parser {

// makers_stage.cc
Instruction make_from(Statement&& statement);
Instruction make_arg(Statement&& statement);
Instruction make_env(Statement&& statement);
Instruction make_label(Statement&& statement);
// makers_run.cc
Instruction make_run(Statement&& statement);
Instruction make_cmd(Statement&& statement);
Instruction make_entrypoint(Statement&& statement);
Instruction make_shell(Statement&& statement);
// makers_copy.cc
Instruction make_copy(Statement&& statement);
Instruction make_add(Statement&& statement);
// makers_config.cc
Instruction make_maintainer(Statement&& statement);
Instruction make_workdir(Statement&& statement);
Instruction make_user(Statement&& statement);
Instruction make_stopsignal(Statement&& statement);
Instruction make_volume(Statement&& statement);
Instruction make_expose(Statement&& statement);
Instruction make_healthcheck(Statement&& statement);
Instruction make_onbuild(Statement&& statement);

}  // namespace cooper::parser
