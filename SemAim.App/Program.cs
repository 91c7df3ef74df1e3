System.Console.WriteLine(SemAim.Runtime.Native.NativeBootstrap.EnsureLoaded());
System.Console.WriteLine(TorchSharp.torch.ones(2).sum().item<float>());
