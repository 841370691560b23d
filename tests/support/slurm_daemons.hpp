// A Slurm of one node on the loopback device, with daemons, ports and keys of its own: nothing of
// it outlives the test, and no Slurm of the machine is touched.
#pragma once

#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <thread>

#include "tests/support/temporary_directory.hpp"

namespace moesim {

class SlurmDaemons {
 public:
  SlurmDaemons() {
    if (geteuid() != 0) {
      why_not_ = "Slurm's daemons need root here";
      return;
    }
    for (const char* program : {"munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol"})
      if (shell(std::string("command -v ") + program) != 0) {
        why_not_ = std::string(program) + " is not installed: apt-get install slurm-wlm munge";
        return;
      }
    start();
  }
  ~SlurmDaemons() {
    for (const char* daemon : {"slurmd", "slurmctld", "munged"}) stop(daemon);
    unsetenv("SLURM_CONF");
  }
  SlurmDaemons(const SlurmDaemons&) = delete;
  SlurmDaemons& operator=(const SlurmDaemons&) = delete;

  const std::string& why_not() const { return why_not_; }  // empty where it runs
  const std::string& node() const { return node_; }

  // What a command prints, and its exit code.
  std::string output(const std::string& command) const {
    shell(command + " > " + (folder_ / "output").string());
    return file_text(folder_ / "output");
  }
  int shell(const std::string& command) const {
    return std::system(("{ " + command + "; } 2>> " + (folder_ / "shell.log").string() +
                        (command.find('>') == std::string::npos ? " > /dev/null" : ""))
                           .c_str());
  }

 private:
  static int free_port() {
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    bind(listener, reinterpret_cast<sockaddr*>(&address), size);
    getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
    close(listener);
    return ntohs(address.sin_port);
  }

  std::string at(const std::string& name) const { return (folder_ / name).string(); }

  void write_configuration() {
    std::string text = "ClusterName=moesimtest\nSlurmctldHost=" + node_ + "(127.0.0.1)\n";
    text += "AuthType=auth/munge\nAuthInfo=socket=" + at("munge.sock") + ",cred_expire=1\n";
    text += "SlurmUser=root\nSlurmctldPort=" + std::to_string(free_port()) +
            "\nSlurmdPort=" + std::to_string(free_port()) + "\n";
    for (const auto& [key, name] : {std::pair{"StateSaveLocation", "ctld"},
                                    {"SlurmdSpoolDir", "spool"},
                                    {"SlurmctldPidFile", "slurmctld.pid"},
                                    {"SlurmdPidFile", "slurmd.pid"},
                                    {"SlurmctldLogFile", "slurmctld.log"},
                                    {"SlurmdLogFile", "slurmd.log"}})
      text += std::string(key) + "=" + at(name) + "\n";
    text +=
        "ProctrackType=proctrack/linuxproc\nTaskPlugin=task/none\nSwitchType=switch/none\n"
        "MpiDefault=none\nSelectType=select/cons_tres\nSelectTypeParameters=CR_Core\n"
        "JobAcctGatherType=jobacct_gather/none\nReturnToService=2\nKillWait=1\nMinJobAge=2\n"
        "SchedulerParameters=bf_interval=1,sched_interval=1,batch_sched_delay=0\n";
    text += "NodeName=" + node_ + " NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN\n" +
            "PartitionName=main Nodes=" + node_ + " Default=YES MaxTime=INFINITE State=UP\n";
    write_file(folder_ / "slurm.conf", text);
    setenv("SLURM_CONF", at("slurm.conf").c_str(), 1);
  }

  void start() {
    char name[256] = {};
    gethostname(name, sizeof name - 1);
    node_ = name;
    node_ = node_.substr(0, node_.find('.'));
    for (const char* part : {"ctld", "spool"}) std::filesystem::create_directories(folder_ / part);
    write_configuration();
    const bool started =
        shell("umask 077; head -c 128 /dev/urandom > " + at("munge.key")) == 0 &&
        shell("munged --force --key-file=" + at("munge.key") + " --socket=" + at("munge.sock") +
              " --pid-file=" + at("munged.pid") + " --log-file=" + at("munged.log") +
              " --seed-file=" + at("munged.seed")) == 0 &&
        shell("slurmctld -f " + at("slurm.conf")) == 0 &&
        shell("slurmd -f " + at("slurm.conf")) == 0;
    for (int i = 0; started && i < 100; ++i) {
      if (output("sinfo --noheader --format=%t").starts_with("idle")) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
    }
    why_not_ = "Slurm does not start here: " + file_text(folder_ / "shell.log");
  }

  // By the number in its own file of its pid, and waits for its end.
  void stop(const std::string& daemon) const {
    std::ifstream file(folder_ / (daemon + ".pid"));
    pid_t pid = 0;
    if (!(file >> pid) || pid <= 1) return;
    ::kill(pid, SIGTERM);
    for (int i = 0; i < 50 && ::kill(pid, 0) == 0; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }

  TemporaryDirectory folder_;
  std::string node_, why_not_;
};

}  // namespace moesim
