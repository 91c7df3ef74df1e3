using SemAim.Benchmarks;

// dotnet run -c Release --project tests/SemAim.Benchmarks -- NAME
return args switch
{
    ["mutation", .. var rest] => MutationBenchmark.Run(rest),
    ["random", .. var rest] => RandomBenchmark.Run(rest),
    ["generator", .. var rest] => GeneratorBenchmark.Run(rest),
    ["block", ..] => BlockBenchmark.Run(),
    ["products", .. var rest] => ProductBenchmark.Run(rest),
    ["decode", .. var rest] => DecodeBenchmark.Run(rest),
    _ => Usage(),
};

static int Usage()
{
    Console.Error.WriteLine("""
        usage: dotnet run -c Release --project tests/SemAim.Benchmarks -- NAME
          mutation [--take N] [--list]   every slip in every declared module: the compiler's word against running the specification
          random [--count N] [--seed S] [--show] [--whole]   modules that nobody wrote, right ones and broken ones: the compiler's word against running them
          block                          a ViT-B block: emitted code beside its specification, tensors alive, parallel products
          products [THREADS]             the matrix products of a ViT-B step, by oneDNN directly and by the library's operations
          decode FOLDER                  parts of the data path on JPEGs (bench-data --write_jpegs FOLDER draws some), in turns, here and by the library
          generator [--warm]             all declared modules from a fresh compilation, and an edit that changes nothing, beside binding alone; a fresh compiler process
        """);
    return 2;
}
