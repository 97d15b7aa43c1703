#include "parser/csv.h"
#include "parser/makers.h"
#include "parser/mount.h"
#include "parser/suggest.h"
#include "parser/text.h"

namespace cooper::parser {
namespace {

Command command_of(Statement& statement) {
  Command command;
  command.shell_form = !statement.json;
  command.args = std::move(statement.words);
  if (command.shell_form && command.args.empty()) command.args.emplace_back();
  return command;
}

NetworkMode read_network(const Flags& flags) {
  const auto text = flags.value("network");
  if (!text || *text == "default") return NetworkMode::standard;
  if (*text == "none") return NetworkMode::none;
  if (*text == "host") return NetworkMode::host;
  throw DockerfileError(cat("invalid network mode ", quoted(*text)));
}

SecurityMode read_security(const Flags& flags) {
  const auto text = flags.value("security");
  if (!text || *text == "sandbox") return SecurityMode::sandbox;
  if (*text == "insecure") return SecurityMode::insecure;
  throw DockerfileError(cat("security ", quoted(*text), " is not valid"));
}

// One field of --device. A field that is no known key is the name, once: CDI names hold '='
// (vendor/class=name).
void take_device_field(Device& device, const std::string& field) {
  const Cut pair = cut(field, '=');
  const std::string key = to_lower(pair.before);
  if (key == "required") {
    const auto flag = pair.found ? to_bool(pair.after) : true;
    if (!flag) throw DockerfileError(cat("invalid value for required: ", pair.after));
    device.required = *flag;
  } else if (key == "name" && pair.found) {
    if (!device.name.empty())
      throw DockerfileError(cat("device name already set to ", device.name));
    device.name = pair.after;
  } else if (device.name.empty()) {
    device.name = field;
  } else if (!pair.found) {
    throw DockerfileError(cat("invalid field '", field, "' must be a key=value pair"));
  } else {
    constexpr std::string_view kKeys[] = {"name", "required"};
    throw DockerfileError(cat("unexpected key '", key, "' in '", field, "'",
                              did_you_mean(find_suggestion(key, kKeys))));
  }
}

std::vector<Device> read_devices(const Flags& flags) {
  std::vector<Device> devices;
  for (const std::string& text : flags.list("device")) {
    Device device;
    for (const std::string& field : split_csv(text)) take_device_field(device, field);
    devices.push_back(std::move(device));
  }
  return devices;
}

}  // namespace

Instruction make_run(Statement&& statement) {
  Run run;
  run.command = command_of(statement);
  run.heredocs = std::move(statement.heredocs);
  run.mounts = statement.flags.list("mount");
  for (const std::string& mount : run.mounts) check_mount(mount);
  run.network = read_network(statement.flags);
  run.security = read_security(statement.flags);
  run.devices = read_devices(statement.flags);
  run.origin = std::move(statement.origin);
  return run;
}

Instruction make_cmd(Statement&& statement) {
  Cmd cmd;
  cmd.command = command_of(statement);
  cmd.origin = std::move(statement.origin);
  return cmd;
}

Instruction make_entrypoint(Statement&& statement) {
  Entrypoint entrypoint;
  entrypoint.command = command_of(statement);
  entrypoint.origin = std::move(statement.origin);
  return entrypoint;
}

Instruction make_shell(Statement&& statement) {
  Shell shell;
  if (statement.words.empty()) throw DockerfileError("SHELL requires at least one argument");
  if (!statement.json)
    throw DockerfileError("SHELL requires the arguments to be in JSON form");
  shell.shell = std::move(statement.words);
  shell.origin = std::move(statement.origin);
  return shell;
}

}  // namespace cooper::parser
