// The command line. Settings (flags, environment, configuration files) are read here and nowhere else; only here is
// anything printed and an exit code chosen.
#pragma once

namespace cooper::cmd {

// 0 done; 1 the build failed; 2 usage or Dockerfile error; 3 environment; 130 interrupted.
int run(int argc, char** argv);

}  // namespace cooper::cmd
