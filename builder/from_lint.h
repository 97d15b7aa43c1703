// What FROM lines show before any stage is planned: CHECK-09, CHECK-15, CHECK-17, CHECK-18.
#pragma once

#include "builder/scope.h"
#include "builder/stage_table.h"
#include "parser/findings.h"

namespace cooper::builder {

// globals: as build arguments make them; defaults: as they are without, nullptr if they can't be told.
void lint_froms(const StageTable& table, const GlobalScope& globals, const GlobalScope* defaults, char escape,
                parser::Findings& findings);

}  // namespace cooper::builder
