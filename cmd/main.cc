#include "cmd/app.h"

int main(int argc, char** argv) { return cooper::cmd::run(argc, argv); }
