using CommandLine;
using SemAim.App;

return CommandLineProgram.Run(args, ownProcess: true);
